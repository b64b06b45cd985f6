"""What contributors run beside the product: documents from the code, vendored files, and harder tests."""

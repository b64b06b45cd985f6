"""The business: nouns with their rules. Takes a session and the moment; knows no framework, protocol or clock."""

"""The benchmark: how fast, how light, how steady, beside a minimal central system on the same core."""

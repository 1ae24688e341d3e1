"""What the sheets say, in three languages: one catalogue each, with the same keys (YAML)."""

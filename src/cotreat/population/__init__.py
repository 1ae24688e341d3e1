"""Virtual patients matched to a baseline table."""

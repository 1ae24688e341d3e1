"""Parameter sets, one file for each source."""

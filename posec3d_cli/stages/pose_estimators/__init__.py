"""Top-down pose estimators, one stage per file."""

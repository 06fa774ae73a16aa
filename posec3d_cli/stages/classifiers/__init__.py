"""Action classifiers, one stage per file."""

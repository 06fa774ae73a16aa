"""Results as files: JSON, tables, pose files, annotated videos and plots."""

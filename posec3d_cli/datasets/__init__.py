"""Labeled clips: from folders, tables and pyskl pickles; their splits, their checks and their poses."""

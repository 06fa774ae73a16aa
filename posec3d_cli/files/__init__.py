"""Files: tables, digests, paths of inputs, and atomic writes."""

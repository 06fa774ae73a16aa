"""Model cards and their weights: sources, downloads, checksums, verification, sample clips."""

"""Heatmap volume builders, one stage per file."""

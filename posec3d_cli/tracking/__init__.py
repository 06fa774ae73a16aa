"""Tracking: similarity of people between frames, track ids, and tracks over time."""

"""Clip sampling: the frames of a video that a classifier reads, in windows and views."""

"""Clip sampling: which frames of a video a classifier is shown, in which windows and views."""

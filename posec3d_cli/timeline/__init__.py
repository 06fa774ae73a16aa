"""Timelines: who does what from when to when, from the scores of windows."""

"""Many videos in one run: find them, do each in a process of its own, record every outcome, go on where a run ended.

The list of videos (`find`), what is done with one (`work`, in the process of `worker`) and the record of what came out
(`ledger`) know nothing of each other; `run` puts them together.
"""

TIMEOUT = 600.0
"""Seconds without a sign of life after which a video is given up; a long damaged one is decoded once before its first
frame comes."""

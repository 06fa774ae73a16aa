"""Batch runs: find the inputs, run a task on each in worker processes, record the results, resume.

`find` lists the inputs, `task` says what to do with one, `worker` and `pool` run tasks in processes, `state` records
the results and `resume` plans what is left to do. `run` puts them together.
"""

TIMEOUT = 600.0
"""Seconds without a heartbeat after which a video fails; a long damaged one is decoded once before its first
frame comes."""

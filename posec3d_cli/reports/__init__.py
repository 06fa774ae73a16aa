"""Reports of runs: one HTML page that holds everything it shows."""

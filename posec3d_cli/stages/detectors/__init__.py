"""Human detectors, one stage per file."""

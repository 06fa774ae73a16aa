"""Action recognition from poses: build inputs, classify them, aggregate over people and windows, ensembles."""

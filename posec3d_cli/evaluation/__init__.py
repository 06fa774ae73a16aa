"""Evaluation: accuracy, confusion matrix, calibration, perturbed clips, ground truth of a batch run, speed."""

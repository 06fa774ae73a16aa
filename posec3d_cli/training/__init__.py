"""Training of classifiers: settings, augmentation, the loop, checkpoints, fine-tuning, calibration, the model card."""

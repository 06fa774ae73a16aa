"""Transforms of keypoints, as pure NumPy functions: heatmap volumes, joint features, interpolation, projection."""

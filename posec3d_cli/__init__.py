"""Turn videos into human-action labels with PoseC3D."""

__version__ = "0.1.0"

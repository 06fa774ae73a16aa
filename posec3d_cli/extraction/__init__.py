"""Pose extraction from videos: decode, detect, estimate poses, track; detection every N frames; the pose cache."""

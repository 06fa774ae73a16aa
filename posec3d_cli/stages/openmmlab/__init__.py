"""What the stages `mmdet` and `mmpose` share: running the OpenMMLab packages as they install today."""

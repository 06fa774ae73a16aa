"""OpenMMLab packages for the stages `mmdet` and `mmpose`, as they install today."""

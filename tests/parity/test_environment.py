"""The published packages can be used at all."""

from __future__ import annotations


def test_the_published_packages_import(published):
    assert published("mmdet.apis").inference_detector
    assert published("mmpose.apis").inference_topdown
    assert published("mmaction.models").MODELS

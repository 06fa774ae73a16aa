"""Stages of the pipeline: detectors, pose estimators, input builders and classifiers; `protocols` defines them."""

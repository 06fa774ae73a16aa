"""Turn videos into human-action labels with PoseC3D.

    from posec3d_cli import Pipeline, PipelineConfig

    result = Pipeline.from_config(PipelineConfig()).predict("walk.mp4")

The names in `__all__` are the public interface, described in docs/api.md. Each is imported when it is first used:
`import posec3d_cli` itself imports no other package. `__init__.pyi` says the same to type checkers.

What happens on the way is logged to the logger `posec3d`, which is silent until the program gives it a handler.
"""

import logging
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

logging.getLogger("posec3d").addHandler(logging.NullHandler())

_MODULES = {
    "Pipeline": "pipeline",
    "PipelineConfig": "config",
    "PoseExtractor": "extraction.extractor",
    "ActionRecognizer": "recognition.recognizer",
    "ClipSampling": "sampling.clips",
    "ClipResult": "results",
    "PersonScores": "results",
    "WindowScores": "results",
    "VideoPoses": "results",
    "VideoInfo": "types",
    "Frame": "types",
    "Detections": "types",
    "Objects": "types",
    "ObjectTracks": "types",
    "Poses": "types",
    "PoseSequence": "types",
    "HeatmapVolume": "types",
    "JointClips": "types",
    "RGBClips": "types",
    "RGBPoseClips": "types",
    "ActionScores": "types",
    "read_pose_file": "pose_files",
    "open_video": "video",
    "save_poses": "output.poses",
    "save_video": "output.video",
    "load_dataset": "datasets.load",
    "LabeledDataset": "datasets.labeled_dataset",
    "LabeledClip": "datasets.clips",
    "evaluate": "evaluation.evaluate",
    "EvaluationReport": "evaluation.report",
    "COCO_17": "skeletons",
    "Skeleton": "skeletons",
    "skeleton": "skeletons",
    "ModelCard": "hub.cards",
    "list_cards": "hub.catalog",
    "load_card": "hub.catalog",
    "fetch_sample": "hub.sample_clips",
    "create_stage": "stages.create",
    "HeatmapBuilder": "stages.builders.heatmap",
    "HeatmapSpec": "transforms.heatmaps",
    "uniform_test_indices": "sampling.indices",
    "PoseC3DError": "errors",
    "InputError": "errors",
    "ModelError": "errors",
    "StageError": "errors",
    "ConfigError": "errors",
    "DeviceError": "errors",
    "OutputError": "errors",
}
"""The module of the package that each public name is in."""

__all__ = ["__version__", *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)

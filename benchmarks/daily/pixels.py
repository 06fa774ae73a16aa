"""Would pixels help the default classifier? Its answers averaged with those of an RGB half trained here, per weight.

    python benchmarks/daily/pixels.py SETS OUT --videos VIDEOS --poses POSES [--passes 12]

SETS holds the tables of sets.py: training clips in `jhmdb.csv` and `web.csv`, and the parts `_a` and `_b` of the
validation clips, with pose files in POSES/jhmdb-thunder and POSES/web-thunder; VIDEOS holds their videos, in folders
`jhmdb` and `web`. The RGB half (4 x 112 x 112, 16 channels) learns from random weights, by so many passes, from the
training clips whose action the default classifier knows. A weight of 20 % means a fifth for its probabilities; of an
action that it has never seen that is 0. The weight is chosen on the parts `a` and counts on the parts `b`. The model is
kept in OUT; what is there is not trained again.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import TRAINING, VALIDATION, LabeledClip
from posec3d_cli.datasets.load import load_dataset, read_label_map
from posec3d_cli.evaluation.evaluate import predict_clips
from posec3d_cli.extraction.crops import VideoFrames
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.frames import keep_frames
from posec3d_cli.training.setup import make_training
from posec3d_cli.training.train import train

MAP = read_label_map(Path(__file__).with_name("labels.csv"))
PARTS = ("jhmdb_a", "jhmdb_b", "web_known_a", "web_known_b")
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


def clips_of(table: Path, videos: Path, poses: Path, part: str, known: frozenset[str]) -> list[LabeledClip]:
    """The clips of a table whose action is known, with the frames of their videos."""
    by_file = {path.with_suffix("").relative_to(videos): path for path in videos.glob("*/*/*.*")}
    found = []
    dataset = load_dataset([table], MAP)
    for clip, labeled in zip(dataset.clips, dataset.with_poses()[0], strict=True):
        folder, name = clip.path.relative_to(poses).parts[0], clip.path.with_suffix("").relative_to(poses)
        video = by_file[Path(folder.partition("-")[0], *name.parts[1:])]
        if labeled.label in known:
            found.append(replace(labeled, part=part, frames=VideoFrames(video), origin="estimated"))
    return found


def probabilities(classifier: tuple[str, ...], clips: list[LabeledClip], labels: tuple[str, ...]) -> np.ndarray:
    """`(N, C)` of the clips; zeros for a label that the classifier lacks, and for a clip without an answer."""
    config = PipelineConfig(classifiers=classifier, device="cpu", offline=True)
    recognizer = ActionRecognizer.from_config(config)
    columns = [labels.index(label) for label in recognizer.labels]
    found = np.zeros((len(clips), len(labels)))
    for row, prediction in zip(found, predict_clips(recognizer, clips), strict=True):
        if prediction.scores is not None:
            row[columns] = prediction.scores
    return found


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--poses", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=12)
    given = parser.parse_args()
    labels = ActionRecognizer.from_config(PipelineConfig(device="cpu", offline=True)).labels
    where = (given.videos, given.poses)
    validation = {part: clips_of(given.sets / f"{part}.csv", *where, VALIDATION, frozenset(labels)) for part in PARTS}
    kept_out = {clip.sha256 for clips in validation.values() for clip in clips}
    learned = [
        clip
        for name in ("jhmdb", "web")
        for clip in clips_of(given.sets / f"{name}.csv", *where, TRAINING, frozenset(labels))
        if clip.sha256 not in kept_out
    ]
    model = given.out / "rgb"
    training = make_training(TrainingConfig(epochs=1), architecture="rgb-only")
    training = replace(training, config=replace(training.config, repeats=given.passes))
    learned = keep_frames(training, learned, given.out / "frames")
    print(f"{len(learned)} training clips of {len({clip.label for clip in learned})} actions", flush=True)
    if not (model / "done").exists():
        train(training, learned, model, overwrite=True, precision="bf16")
        (model / "done").touch()
    print(f"| clips | number | {' | '.join(f'{weight:.0%}' for weight in WEIGHTS)} | RGB alone |")
    print(f"|---|---:|{'---:|' * (len(WEIGHTS) + 1)}")
    for part, clips in validation.items():
        truth = np.array([labels.index(clip.label) for clip in clips])
        poses, pixels = probabilities((), clips, labels), probabilities((str(model),), clips, labels)
        mixed = [(1 - weight) * poses + weight * pixels for weight in WEIGHTS]
        right = [int((values.argmax(axis=1) == truth).sum()) for values in (*mixed, pixels)]
        print(f"| {part} | {len(clips)} | {' | '.join(map(str, right))} |", flush=True)


if __name__ == "__main__":
    main()

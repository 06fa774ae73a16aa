"""Make the model folder that ships out of a training run: which labels it names, and below which score it does not.

    python benchmarks/daily/ship.py RUN SETS OUT [--label NAME…]

RUN is the folder of a training on all labels. The labels of LABELS, and those of `--label`, keep their outputs; all
others become outputs of `unknown`. The temperature and the score below which an answer is `unknown` are fitted on half
`a` of the validation clips in SETS (see sets.py): on known actions, and on clips that show others. Prints how the score
was chosen.
"""

from __future__ import annotations

import argparse
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tomli_w

from posec3d_cli import ActionRecognizer, LabeledClip, PipelineConfig, load_dataset
from posec3d_cli.datasets.load import read_label_map
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.results import UNKNOWN, best_known
from posec3d_cli.training.calibration import fit_temperature

HERE = Path(__file__).parent
LABELS = (HERE.parents[1] / "models" / "posec3d-daily33" / "labels.txt").read_text(encoding="utf-8").split()
OTHERS_UNKNOWN = 0.9
"""The share of clips of other actions that shall be answered `unknown`."""


def clips_of(tables: Sequence[Path]) -> list[LabeledClip]:
    """The clips of tables of pose files, under their joint labels."""
    return load_dataset(list(tables), read_label_map(HERE / "labels.csv")).with_poses()[0]


def best_scores(recognizer: ActionRecognizer, clips: Sequence[LabeledClip]) -> list[tuple[str, float]]:
    """The best known action of each clip and its score; ("", 0) where nobody was found."""
    results = recognizer.recognize_many(map(as_video_poses, clips))
    return [("", 0.0) if one.scores is None else best_known(one.scores) for one in results]


def write_model(run: Path, out: Path, named: Sequence[str], **settings: float) -> None:
    """Copy the weights and the card of a run, with other settings, and `unknown` for labels that are not named."""
    out.mkdir(parents=True, exist_ok=True)
    card = tomllib.loads((run / "model.toml").read_text(encoding="utf-8"))
    card["recipe"] |= settings
    for file in run.glob("weights*.safetensors"):
        shutil.copyfile(file, out / file.name)
    labels = (run / "labels.txt").read_text(encoding="utf-8").splitlines()
    missing = sorted(set(named) - set(labels))
    if missing:
        raise SystemExit(f"the run has no label {', '.join(missing)}")
    (out / "labels.txt").write_text(
        "".join(f"{one if one in named else UNKNOWN}\n" for one in labels), encoding="utf-8"
    )
    (out / "model.toml").write_text(tomli_w.dumps(card), encoding="utf-8")


def recognizer_of(model: Path) -> ActionRecognizer:
    """The classifier in a model folder."""
    return ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device="cpu", precision="fp32"))


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("run", "sets", "out"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    parser.add_argument("--label", action="append", default=[], metavar="NAME", help="Name this action too.")
    given = parser.parse_args()
    named = [*LABELS, *given.label]
    known = [
        one for one in clips_of([given.sets / "jhmdb_a.csv", given.sets / "web_known_a.csv"]) if one.label in named
    ]
    others = [one for one in clips_of([given.sets / "web_other_a.csv"]) if one.label not in named]
    write_model(given.run, given.out, named, temperature=1.0)
    temperature = round(fit_temperature(given.out, known, device="cpu", precision="fp32").temperature, 3)
    write_model(given.run, given.out, named, temperature=temperature)
    recognizer = recognizer_of(given.out)
    mine, theirs = best_scores(recognizer, known), np.array([score for _, score in best_scores(recognizer, others)])
    right = np.array([score for clip, (label, score) in zip(known, mine, strict=True) if label == clip.label])
    min_score = float(np.ceil(np.quantile(theirs, OTHERS_UNKNOWN) * 100) / 100)
    write_model(given.run, given.out, named, temperature=temperature, min_score=min_score)
    print(f"temperature {temperature}, min_score {min_score}")
    for threshold in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, min_score):
        print(
            f"{threshold:.2f}: {np.mean(theirs < threshold):.0%} of {len(theirs)} other clips unknown, "
            f"{np.mean(right < threshold):.0%} of {len(right)} right answers lost"
        )


if __name__ == "__main__":
    main()

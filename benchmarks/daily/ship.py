"""Make the model folders that ship out of training runs: which labels they name, and below which score they do not.

    python benchmarks/daily/ship.py SETS OUT=RUN [OUT=RUN…] [--label NAME…]

RUN is the folder of a training on all labels, OUT the model folder made of it; several are members of one averaged
answer. The labels of LABELS, and those of `--label`, keep their outputs; all others become outputs of `unknown`. The
temperatures are fitted on known actions of half `a` of the validation clips in SETS (see sets.py): that of each model
alone first, then one factor for all, since averages of sure answers are less sure. Then `unknown` is made `OTHERS`
times as probable as the training has it, and the score below which an answer is `unknown` besides is chosen on the same
half. At last the networks are exported to ONNX. Prints what other factors and scores would have done.
"""

from __future__ import annotations

import argparse
import json
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tomli_w
from safetensors.numpy import load_file, save_file
from scipy.optimize import minimize_scalar

from posec3d_cli import ActionRecognizer, LabeledClip, PipelineConfig, load_dataset
from posec3d_cli.datasets.load import read_label_map
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.export import export_onnx
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.hub.cards import ONNX
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.weights import fetch
from posec3d_cli.results import UNKNOWN, best_known
from posec3d_cli.training.calibration import fit_temperature

HERE = Path(__file__).parent
LABELS = (HERE.parents[1] / "models" / "posec3d-daily33" / "labels.txt").read_text(encoding="utf-8").split()
OTHERS = 2.0
"""How much more probable than in training, which draws its clips evenly over all labels, other actions are in use. The
more, the more of them are rightly `unknown`; at most one right answer in eight shall be lost by it."""
MIN_SCORE = 0.25
"""Below it an answer is `unknown` too: the largest of the printed scores that loses no right answer more."""
HEAD_BIAS = "cls_head.fc_cls.bias"
LICENCE = "Apache-2.0 for what is ours; research and other non-commercial use because of the data"
DATA_TERMS = (
    "J-HMDB (CC BY 4.0); Penn Action, UTD-MHAD, MSR Action3D and Daily Activity 3D, UTKinect, Florence 3D, UR Fall "
    "Detection (research); Bandai-Namco, Northwestern-UCLA (CC BY-NC), SPL (CC BY-NC-SA); CMU (free, cited); KARD, "
    "GTU, Kinder-Gator, UI-PRMD, phone videos, tennis matches, gym videos, clips of public repositories (none stated)"
)
KEPT = ("schema", "version", "start", "clips", "config", "history", "torch", "device", "precision", "learned_from")
"""What a shipped `training.json` tells of the run, besides its command without folders."""


def clips_of(tables: Sequence[Path]) -> list[LabeledClip]:
    """The clips of tables of pose files, under their joint labels."""
    return load_dataset(list(tables), read_label_map(HERE / "labels.csv")).with_poses()[0]


def best_scores(recognizer: ActionRecognizer, clips: Sequence[LabeledClip]) -> list[tuple[str, float]]:
    """The best known action of each clip and how sure it is; 0 for `unknown`, ("", 0) where nobody was found."""
    results = recognizer.recognize_many(map(as_video_poses, clips))
    return [
        ("", 0.0)
        if one.scores is None
        else (best_known(one.scores)[0], one.sureness if one.scores.top(1)[0][0] != UNKNOWN else 0.0)
        for one in results
    ]


def write_model(run: Path, out: Path, named: Sequence[str], *, others: float = 1.0, **settings: float) -> None:
    """Copy the weights and the card of a run, with other settings, and `unknown` for labels that are not named.

    Args:
        run: the folder of the training.
        out: the model folder.
        named: the labels that are named.
        others: the probabilities of all other labels are multiplied by it, before they are normalized again: the
            network's last bias has it, as a shift of its logits.
        settings: of the recipe.
    """
    out.mkdir(parents=True, exist_ok=True)
    card = tomllib.loads((run / "model.toml").read_text(encoding="utf-8"))
    stream = card["recipe"].get("graph", card["recipe"].get("heatmaps", {})).get("stream", "joint")
    names = f"{len(named)} daily and sports actions, and unknown for others"
    card["summary"] = f"{card['recipe']['architecture']} of {stream}s for {names}"
    card |= {"licence": LICENCE, "data_terms": DATA_TERMS}
    card["recipe"] |= settings
    labels = (run / "labels.txt").read_text(encoding="utf-8").splitlines()
    missing = sorted(set(named) - set(labels))
    if missing:
        raise SystemExit(f"{run} has no label {', '.join(missing)}")
    shift = np.array([0.0 if one in named else settings["temperature"] * np.log(others) for one in labels])
    for file in card["files"]:
        tensors = load_file(run / file["sources"][0].removeprefix("file:"))
        tensors[HEAD_BIAS] = (tensors[HEAD_BIAS] + shift).astype(tensors[HEAD_BIAS].dtype)
        target = out / file["sources"][0].removeprefix("file:")
        save_file(tensors, target)
        file |= {"sha256": sha256_of(target), "size": target.stat().st_size}
    (out / "labels.txt").write_text(
        "".join(f"{one if one in named else UNKNOWN}\n" for one in labels), encoding="utf-8"
    )
    (out / "model.toml").write_text(tomli_w.dumps(card), encoding="utf-8")
    record = json.loads((run / "training.json").read_text(encoding="utf-8"))
    words = [Path(word).name if "/" in word else word for word in shlex.split(record["command"])]
    told = {"command": shlex.join(words)} | {key: record[key] for key in KEPT}
    (out / "training.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def recognizer_of(models: Sequence[Path]) -> ActionRecognizer:
    """The mean of the classifiers in these model folders."""
    return ActionRecognizer.from_config(PipelineConfig(classifiers=tuple(models), device="cpu", precision="fp32"))


def nll(recognizer: ActionRecognizer, clips: Sequence[LabeledClip]) -> float:
    """The mean negative log-likelihood of the clips' labels, of those in which there are people."""
    results = zip(clips, recognizer.recognize_many(map(as_video_poses, clips)), strict=True)
    likely = [
        one.scores.probabilities[one.scores.labels.index(clip.label)] for clip, one in results if one.scores is not None
    ]
    return float(-np.log(np.maximum(likely, 1e-9)).mean())


def write_temperatures(
    runs: Mapping[Path, Path], named: Sequence[str], known: Sequence[LabeledClip]
) -> dict[Path, float]:
    """Write the models with temperatures that make their mean most likely; returns the temperatures."""
    alone = {}
    for out, run in runs.items():
        write_model(run, out, named, temperature=1.0)
        alone[out] = fit_temperature(out, known, device="cpu", precision="fp32").temperature

    def scaled(factor: float) -> dict[Path, float]:
        temperatures = {out: round(one * factor, 3) for out, one in alone.items()}
        for out, run in runs.items():
            write_model(run, out, named, temperature=temperatures[out])
        return temperatures

    def cost(factor: float) -> float:
        scaled(factor)
        return nll(recognizer_of(list(runs)), known)

    if len(runs) == 1:
        return scaled(1.0)
    return scaled(float(minimize_scalar(cost, bounds=(0.4, 1.1), method="bounded", options={"xatol": 0.03}).x))


def add_onnx(model: Path) -> None:
    """Write the networks of a model as an ONNX file, which its card then names."""
    card, target = load_card(model), model / "networks.onnx"
    export_onnx(card, fetch(card), target, overwrite=True)
    table = tomllib.loads((model / "model.toml").read_text(encoding="utf-8"))
    made = {"name": ONNX, "sha256": sha256_of(target), "size": target.stat().st_size}
    table["files"].append({**made, "sources": [f"file:{target.name}"]})
    (model / "model.toml").write_text(tomli_w.dumps(table), encoding="utf-8")


def write_all(
    runs: Mapping[Path, Path], named: Sequence[str], temperatures: Mapping[Path, float], others: float
) -> None:
    """Write all models without their ONNX files."""
    for out, run in runs.items():
        write_model(run, out, named, others=others, temperature=temperatures[out], min_score=MIN_SCORE)


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("models", nargs="+", metavar="OUT=RUN")
    parser.add_argument("--label", action="append", default=[], metavar="NAME", help="Name this action too.")
    given = parser.parse_args()
    runs = {Path(out): Path(run) for out, _, run in (one.partition("=") for one in given.models)}
    named = [*LABELS, *given.label]
    known = [
        one for one in clips_of([given.sets / "jhmdb_a.csv", given.sets / "web_known_a.csv"]) if one.label in named
    ]
    others = [one for one in clips_of([given.sets / "web_other_a.csv"]) if one.label not in named]
    temperatures = write_temperatures(runs, named, known)
    print("| others | least score | other clips unknown | right answers lost |\n|---:|---:|---:|---:|")
    for factor in (1.0, 1.5, OTHERS, 2.5, 3.0):
        write_all(runs, named, temperatures, factor)
        recognizer = recognizer_of(list(runs))
        mine, theirs = best_scores(recognizer, known), np.array([score for _, score in best_scores(recognizer, others)])
        right = np.array([score for clip, (label, score) in zip(known, mine, strict=True) if label == clip.label])
        for least in (0.01, 0.2, MIN_SCORE, 0.3, 0.4, 0.5):
            lost = f"{np.mean(right < least):.1%} of {len(right)}"
            print(f"| {factor} | {least} | {np.mean(theirs < least):.1%} of {len(theirs)} | {lost} |")
    write_all(runs, named, temperatures, OTHERS)
    for out in runs:
        add_onnx(out)
        print(f"{out.name}: temperature {temperatures[out]}")


if __name__ == "__main__":
    main()

"""Write segment_metrics.json: random sequences, and what the reference implementations of the metrics say of them.

    python3.10 -m venv ENV
    ENV/bin/pip install "numpy<1.24" actseg==0.1.0 pandas joblib
    pip download actionformer==1.5.0 --no-deps --no-binary :all:      and unpack it
    ENV/bin/python tests/golden/make_segment_metrics.py actionformer-1.5.0/actionformer/utils/metrics.py

In an environment of its own, for actseg 0.1.0 (MS-TCN's F1 and edit score) imports no newer numpy. Average precision
is that of ActivityNet, as the file `metrics.py` of ActionFormer has it. Sequences without an action are left out:
there the references divide by nothing. Scores are distinct, for references order equal ones by chance.
"""

import importlib.util
import json
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas
from actseg.eval import Edit, MoFAccuracy
from actseg.eval.frame import F1Score

HERE = Path(__file__).parent
VIDEOS = 40
BACKGROUND = "n"
LABELS = "abcd" + BACKGROUND
OVERLAPS = (0.1, 0.25, 0.5)


def sequence(rng):
    """Frame labels in runs of 1 to 20 frames, with at least one action."""
    while True:
        count, labels = rng.integers(20, 100), ""
        while len(labels) < count:
            labels += rng.choice(list(LABELS)) * int(rng.integers(1, 21))
        if set(labels[:count]) - {BACKGROUND}:
            return labels[:count]


def altered(labels, rng):
    """A prediction of the truth: moved by up to 4 frames, with stretches of other labels."""
    while True:
        found = list(np.roll(list(labels), int(rng.integers(-4, 5))))
        for _ in range(int(rng.integers(0, 4))):
            start = int(rng.integers(len(found)))
            for place in range(start, min(len(found), start + int(rng.integers(1, 12)))):
                found[place] = LABELS[start % len(LABELS)]
        if set(found) - {BACKGROUND}:
            return "".join(found)


def segments(labels):
    """Runs of one label, as label, first frame and frame after the last."""
    begin = 0
    for label, run in groupby(labels):
        stop = begin + len(list(run))
        yield label, begin, stop
        begin = stop


def measured(pairs, ignored):
    """F1, edit score and frame accuracy of actseg, in percent."""
    f1, edit, accuracy = F1Score(OVERLAPS, ignored), Edit(ignored), MoFAccuracy(ignored)
    each = [{"f1": f1.add(true, found), "edit": edit.add(true, found)} for found, true in pairs]
    for found, true in pairs:
        accuracy.add(list(true), list(found))
    return {"f1": f1.summary(), "edit": edit.summary(), "accuracy": 100 * accuracy.summary(), "videos": each}


def precisions(metrics, pairs, rng):
    """The detections of each label with random scores, and the average precision at some IoUs."""
    columns = ["video-id", "t-start", "t-end"]
    found = {}
    for label in "abcd":
        true = [[n, a, b] for n, (_, t) in enumerate(pairs) for one, a, b in segments(t) if one == label]
        drawn = [[n, a, b] for n, (p, _) in enumerate(pairs) for one, a, b in segments(p) if one == label]
        scores = rng.permutation(len(drawn)) / len(drawn)
        truth = pandas.DataFrame(true, columns=columns)
        predicted = pandas.DataFrame(drawn, columns=columns).assign(score=scores)
        overlaps = np.array([0.3, 0.5, 0.75])
        values = metrics.compute_average_precision_detection(truth, predicted, overlaps)
        found[label] = {"scores": scores.tolist(), "ap": dict(zip(map(str, overlaps), values.tolist(), strict=True))}
    return found


def main():
    """Write the file."""
    spec = importlib.util.spec_from_file_location("metrics", sys.argv[1])
    metrics = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(metrics)
    rng = np.random.default_rng(5)
    true = [sequence(rng) for _ in range(VIDEOS)]
    pairs = [(altered(one, rng), one) for one in true]
    golden = {
        "pairs": pairs,
        "all": measured(pairs, ()),
        "without_background": measured(pairs, (BACKGROUND,)),
        "detections": precisions(metrics, pairs, rng),
    }
    (HERE / "segment_metrics.json").write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

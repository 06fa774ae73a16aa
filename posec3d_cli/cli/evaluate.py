"""`posec3d evaluate`: how often a classifier is right about labelled clips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.cli.options import (
    CacheOption,
    ClassifierOption,
    DetectorOption,
    DeviceOption,
    JsonOption,
    NoCacheOption,
    OfflineOption,
    People,
    PipelineOption,
    PoseOption,
    Precision,
    PrecisionOption,
    WeightsDirOption,
    WeightsOption,
    offline_choice,
    pose_cache,
    ratio,
)
from posec3d_cli.cli.posing import make_extractor, say_posing
from posec3d_cli.cli.render import note, print_json, print_table

if TYPE_CHECKING:
    from posec3d_cli.extraction import PoseExtractor


def evaluate(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA…",
            help="Folders of videos and pose files with one sub-folder per action (or a labels.csv with video,label), "
            "and 2D pose packs (.pkl).",
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            "--actions",
            metavar="CSV",
            help="Joint names of labels: columns source,label,action; an empty action leaves out.",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Only this split of the pose packs.")] = None,
    clips: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only these clips, one name per line, as a model's held_out.txt has them."),
    ] = None,
    views: Annotated[int | None, typer.Option(min=1, help="Views of each window.")] = None,
    flip: Annotated[bool | None, typer.Option("--flip/--no-flip", help="Read mirror images too.")] = None,
    window: Annotated[float | None, typer.Option(min=0, help="Seconds read at once; 0: the whole video.")] = None,
    people: Annotated[People | None, typer.Option(help="One volume per person, or one of all.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Estimate poses of every N-th frame, interpolate between.")] = 1,
    harder: Annotated[
        bool,
        typer.Option(
            "--harder", help="Measure on copies of ten seconds with pauses, a moving camera, bystanders and trembling."
        ),
    ] = False,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    pipeline: PipelineOption = "light",
    detector: DetectorOption = None,
    pose: PoseOption = None,
    classifier: ClassifierOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    offline: OfflineOption = False,
    weights_dir: WeightsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a classifier: top-1, top-5 and mean-class accuracy, class by class."""
    from posec3d_cli.action_reader import ActionReader
    from posec3d_cli.catalog import load_pipeline
    from posec3d_cli.train import data
    from posec3d_cli.train.evaluate import evaluate as measure
    from posec3d_cli.train.examples import named
    from posec3d_cli.train.harder import harder as harder_copies

    card = load_pipeline(pipeline)
    actions = ActionReader.from_card(
        classifier or card.classifier,
        weights=ratio(weights),
        device=device,
        precision=precision.value,
        offline=offline_choice(offline),
        weights_dir=weights_dir,
    )

    def extractor() -> PoseExtractor:
        return make_extractor(
            detector or card.detector,
            pose or card.pose,
            device=device,
            offline=offline_choice(offline),
            weights_dir=weights_dir,
            cache=pose_cache(cache, no_cache),
        )

    names = None if clips is None else data.read_names(clips)
    examples, problems = data.labelled(
        sources,
        data.read_actions(table) if table else {},
        extractor,
        every=every,
        split=split,
        only=names,
        progress=say_posing,
    )
    for name, reason in problems.items():
        note("note", f"{name}: {reason}")
    if names is not None:
        _, examples = named(examples, names)
    if harder:
        examples = harder_copies(examples)
    report = measure(
        actions,
        examples,
        actions.reading_with(views=views, flip=flip, window=window, people=people.value if people else None),
    )
    if as_json:
        print_json(report.figures())
        return
    low, high = report.interval
    rows = []
    for number, label in enumerate(report.labels):
        row = report.confusion[number]
        missed = sum(truth == label and not named for _, truth, named, _ in report.wrong)
        count = int(row.sum()) + missed
        if count:
            worst = max((c for c in range(len(row)) if c != number), key=lambda c: int(row[c]))
            often = f"{report.labels[worst]} ({row[worst]})" if row[worst] else ""
            rows.append((label, str(count), f"{row[number] / count:.1%}", often))
    print_table(("action", "clips", "right", "most often taken for"), rows)
    typer.echo(
        f"top-1 {report.top1:.1%} ({low:.1%} to {high:.1%}), top-5 {report.top5 / report.clips:.1%}, "
        f"mean class {report.mean_class:.1%}, {report.clips} clips, nobody found in {len(report.nobody)}"
    )

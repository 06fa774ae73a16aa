"""From people to actions: build volumes of poses that are known, and classify them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from posec3d_cli.catalog import ModelCard, load_card
from posec3d_cli.errors import StageMismatch
from posec3d_cli.extraction import Stopwatch, make_stage
from posec3d_cli.prediction import PipelineUsed, PosedVideo, Prediction
from posec3d_cli.reading import Reading, Window, used_frames
from posec3d_cli.registry import load_stage
from posec3d_cli.scoring import (
    Scored,
    Subject,
    combine,
    mean_keypoint_score,
    of_people,
    of_window,
    subjects,
    summarise,
    warnings_for,
    with_stand_ins,
)
from posec3d_cli.stages import ActionClassifier, VolumeBuilder
from posec3d_cli.types import HeatmapVolume, PoseSequence

DEFAULT_BUILDER = "heatmap"
VIEWS_AT_ONCE = 8  # volumes built before the classifier takes them: about 13 MB each


class ActionReader:
    """A volume builder and a classifier: the half of the pipeline that needs no picture.

    Args:
        builder: draws the poses as volumes.
        classifier: reads the volumes.
        reading: how the classifier reads a video, unless something else is asked for.
        used: what the stages were made of, for the results.
    """

    def __init__(
        self,
        builder: VolumeBuilder,
        classifier: ActionClassifier,
        *,
        reading: Reading | None = None,
        used: PipelineUsed | None = None,
    ) -> None:
        self.builder = builder
        self.classifier = classifier
        self.reading = reading or Reading()
        self.used = used or PipelineUsed(models={})

    @classmethod
    def from_card(
        cls,
        classifier: ModelCard | str | Path,
        *,
        builder: str = DEFAULT_BUILDER,
        device: str = "auto",
        precision: str = "auto",
        offline: bool | None = None,
        progress: Any = None,
        weights_dir: str | Path | None = None,
        classifier_options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make both from the classifier's card; the arguments are those of `Pipeline.from_cards`."""
        if not isinstance(classifier, ModelCard):
            classifier = load_card(classifier, "classifier")
        options = dict(classifier_options or {})
        # What replaces the card's recipe does so for all who read it: the classifier gets the same as settings.
        asked = replace(classifier, recipe={**classifier.recipe, **options})
        reading = Reading.from_recipe(asked.recipe)
        draws = load_stage("builder", builder).from_card(asked, {})
        if precision != "auto":  # not every classifier has a choice
            options["precision"] = precision
        reads, read_by = make_stage(
            "classifier",
            classifier,
            device,
            offline=offline,
            progress=progress,
            options=options,
            weights_dir=weights_dir,
        )
        used = PipelineUsed(
            models={"classifier": read_by}, builder=builder, precision=getattr(reads, "precision", None)
        )
        return cls(draws, reads, reading=reading, used=used)

    @property
    def needs_heatmaps(self) -> bool:
        """Whether the builder reads the pose network's own heatmaps."""
        return bool(getattr(self.builder, "needs_heatmaps", False))

    @property
    def labels(self) -> tuple[str, ...]:
        """The C actions that the classifier tells apart."""
        return self.classifier.labels

    def reading_with(
        self,
        *,
        views: int | None = None,
        flip: bool | None = None,
        window: float | None = None,
        people: str | None = None,
    ) -> Reading:
        """The card's reading with these settings replaced; `window` in seconds, 0 for the whole video as one."""
        changes: dict[str, Any] = {"views": views, "flip": flip, "people": people}
        reading = replace(self.reading, **{key: value for key, value in changes.items() if value is not None})
        return reading if window is None else reading.with_window(window)

    def read(
        self, posed: PosedVideo, reading: Reading | None = None, *, alive: Callable[[], None] = lambda: None
    ) -> Prediction:
        """Say what is done in a video whose people are known, in at least the frames that the reading needs.

        A long video is read in many batches of volumes; `alive` is called after each.

        Raises:
            StageMismatch: a frame that the reading needs was not looked at.
        """
        reading = reading or self.reading
        plan = reading.plan(posed.video.frame_count, posed.video.fps)
        if len(posed.lost):
            plan = [window.without(posed.lost, posed.frame_indices) for window in plan]
        return self._answer(posed, reading, plan, self.used, self._notices(), alive)

    def read_file(
        self, posed: PosedVideo, reading: Reading | None = None, *, alive: Callable[[], None] = lambda: None
    ) -> Prediction:
        """As `read`, for poses that come from a file: another program chose the frames and found the people.

        A frame that is needed and was not looked at is replaced by the nearest that was, see
        `posec3d_cli.scoring.with_stand_ins`; a warning says how many were.

        Raises:
            BadPoseFile: for some frame there is none near enough.
        """
        reading = reading or self.reading
        plan = reading.plan(posed.video.frame_count, posed.video.fps)
        plan, notices = with_stand_ins(plan, posed)
        models = {kind: model for kind, model in self.used.models.items() if kind == "classifier"}
        return self._answer(posed, reading, plan, replace(self.used, name=None, models=models), notices, alive)

    def _answer(
        self,
        posed: PosedVideo,
        reading: Reading,
        plan: Sequence[Window],
        made_by: PipelineUsed,
        notices: tuple[str, ...],
        alive: Callable[[], None],
    ) -> Prediction:
        used = posed.part(used_frames(plan))
        watch = Stopwatch()
        ids: set[int] = set()
        scored = self._classify(subjects(used, plan, reading, ids), plan, reading, watch, alive)
        by_window = [of_window(number, window, scored) for number, window in enumerate(plan)]
        known = [window.scores for window in by_window if window.scores is not None]
        return Prediction(
            path=Path(posed.video.path),
            scores=combine(known, [1.0] * len(known)) if known else None,
            people=of_people(summarise(used, ids), scored),
            windows=tuple(by_window),
            frames_used=len(used),
            frames_with_person=sum(1 for poses in used.poses if len(poses)),
            mean_keypoint_score=mean_keypoint_score(used.poses),
            reading=reading,
            pipeline=made_by,
            seconds={**posed.seconds, **watch.seconds},
            warnings=(*notices, *warnings_for(used, reading)),
            posed=posed,
        )

    def _notices(self) -> tuple[str, ...]:
        detector = self.used.models.get("detector")
        if detector is not None and detector.stage == "whole-frame":
            return ("no detector looked for people: every frame was taken as one person who fills it",)
        return ()

    def _classify(
        self,
        shown: Iterable[tuple[Subject, PoseSequence]],
        plan: Sequence[Window],
        reading: Reading,
        watch: Stopwatch,
        alive: Callable[[], None],
    ) -> list[Scored]:
        """One answer per subject; only the volumes of a few exist at once."""
        scored: list[Scored] = []
        waiting: list[Subject] = []
        volumes: list[HeatmapVolume] = []

        def flush() -> None:
            if not volumes:
                return
            with watch.time("classify"):
                answers = self.classifier.classify(volumes)
            if len(answers) != len(volumes):
                raise StageMismatch(f"the classifier gave {len(answers)} answers for {len(volumes)} volumes")
            scored.extend(zip(waiting, answers, strict=True))
            waiting.clear()
            volumes.clear()
            alive()

        for subject, sequence in shown:
            with watch.time("build"):
                volumes.append(self.builder.build(sequence, plan[subject.window].clips, flip=reading.flip))
            waiting.append(subject)
            if sum(len(volume.values) for volume in volumes) >= VIEWS_AT_ONCE:
                flush()
        flush()
        return scored

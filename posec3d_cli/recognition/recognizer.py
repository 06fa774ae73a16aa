"""ActionRecognizer: build the inputs of a classifier from known poses, classify them, aggregate the scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, islice, repeat
from time import perf_counter
from typing import Self

import numpy as np

from posec3d_cli.config import TIMELINE_WINDOW, PipelineConfig
from posec3d_cli.errors import BadCard, EmptyVideo, StageMismatch, counted
from posec3d_cli.extraction.crops import FrameSource
from posec3d_cli.hub.cards import OBJECTS, ModelCard
from posec3d_cli.hub.download import DownloadCallback
from posec3d_cli.hub.resolve import ResolvedPipeline, resolve
from posec3d_cli.hub.weights import fetch
from posec3d_cli.recognition.aggregate import (
    Scored,
    Subject,
)
from posec3d_cli.recognition.clip import ClipBuilder
from posec3d_cli.recognition.ensemble import (
    Member,
    check_compatible,
    ensemble_info,
)
from posec3d_cli.recognition.members import builder_names, interactions_of
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.recognition.reading import Reading, frames_of
from posec3d_cli.recognition.substitutes import with_substitutes
from posec3d_cli.registry import load_stage
from posec3d_cli.results import UNKNOWN, ClipResult, PipelineInfo, VideoPoses
from posec3d_cli.sampling.clips import ClipSampling, Window
from posec3d_cli.stages.create import make_stage
from posec3d_cli.stages.protocols import HasPrecision, NeedsFrames, NeedsHeatmaps
from posec3d_cli.tracking.selection import EVERYBODY, Selection
from posec3d_cli.types import ClassifierInput, Doubles, Floats, Ints

VIEWS_AT_ONCE = 8  # volumes built before the classifier takes them: about 13 MB each
VIDEOS_AT_ONCE = 32  # whose volumes may share a batch


class ActionRecognizer:
    """Recognizes actions from poses: a classifier with its input builder, or an ensemble of several.

    Args:
        members: at least one; the result is the weighted mean of their probabilities.
        used: the models of the stages, for the results.
        sampling: the default clip sampling; None for that of the first member.
        selection: which people are read.
        names_unknown: whether a classifier's own label `unknown` may be the answer; else its probability is 0.

    Raises:
        StageMismatch: the members cannot be an ensemble.
    """

    def __init__(
        self,
        members: Sequence[Member],
        *,
        used: PipelineInfo | None = None,
        sampling: ClipSampling | None = None,
        selection: Selection = EVERYBODY,
        names_unknown: bool = True,
    ) -> None:
        self.members = tuple(members)
        self.sampling = sampling or self.members[0].sampling
        self.selection = selection
        self.names_unknown = names_unknown
        self.used = used or PipelineInfo(models={})
        check_compatible(self.members, list(self.used.ensemble) or ["a classifier"] * len(self.members))

    @classmethod
    def from_config(cls, config: PipelineConfig, *, progress: DownloadCallback | None = None) -> Self:
        """Make the builders and classifiers of a config, and download missing weights.

        Args:
            config: the settings; those of detector, pose estimator and reader are ignored.
            progress: called during downloads, see `posec3d_cli.hub.weights.fetch`.

        Raises:
            PoseC3DError: of the branch that fits what is missing or contradictory.
        """
        return cls.from_resolved(resolve(config), progress=progress)

    @classmethod
    def from_resolved(cls, resolved: ResolvedPipeline, *, progress: DownloadCallback | None = None) -> Self:
        """As `from_config`, with resolved cards."""
        config, cards, weights = resolved.config, resolved.classifiers, resolved.weights
        changes = dict(config.classifier_settings)
        # Not every classifier has a choice of precision.
        settings = changes if config.precision == "auto" else {**changes, "precision": config.precision}
        members, used = [], []
        for card, makes, weight in zip(cards, builder_names(cards, config.builder), weights, strict=True):
            # What replaces the card's recipe does so for all who read it: the classifier gets the same as settings.
            asked = replace(card, recipe={**card.recipe, **changes})
            reads, read_by = make_stage(card, config, settings=settings, progress=progress)
            made = load_stage("builder", makes).from_card(asked, {})
            graph = asked.recipe.get("graph")
            one_person = graph is not None and graph.get("people", 1) == 1
            if config.people == "together" and one_person:
                raise StageMismatch(
                    f"{card.name} has room for one person, got people 'together'", hint="leave out --people"
                )
            interactions = interactions_of(asked, reads.labels)
            if interactions and one_person:
                raise BadCard(
                    f"{card.name} has room for one person, and its interactions need two",
                    hint="recipe.graph.people = 2, or no recipe.interactions",
                )
            objects = _object_reading(card, config, reads.labels)
            sampling = ClipSampling.from_recipe(asked.recipe, where=card.name)
            members.append(Member(made, reads, sampling, weight, objects, interactions))
            used.append(
                PipelineInfo(
                    models={"classifier": read_by},
                    builder=makes,
                    precision=reads.precision if isinstance(reads, HasPrecision) else None,
                )
            )
        window = config.window_seconds
        if config.timeline and window is None and members[0].sampling.window_seconds is None:
            window = TIMELINE_WINDOW
        sampling = members[0].sampling.changed(
            views=config.views,
            flip=config.flip,
            window_seconds=window,
            stride_seconds=config.stride_seconds,
            people=config.people or ("each" if config.timeline and members[0].interactions else None),
        )
        info = replace(ensemble_info(used, weights), min_score=resolved.min_score)
        selection = Selection(config.person, config.largest, config.roi)
        return cls(members, used=info, sampling=sampling, selection=selection, names_unknown=resolved.names_unknown)

    @property
    def needs_heatmaps(self) -> bool:
        """Whether a builder reads the heatmaps of the pose network."""
        builders = [member.builder for member in self.members]
        return any(isinstance(one, NeedsHeatmaps) and one.needs_heatmaps for one in builders)

    @property
    def needs_frames(self) -> bool:
        """Whether a builder reads pixels beside poses."""
        return any(isinstance(member.builder, NeedsFrames) for member in self.members)

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels of the classifier."""
        return self.members[0].classifier.labels

    def interactions(self, sampling: ClipSampling) -> tuple[str, ...]:
        """The labels of what two people do together; none where the sampling reads everybody in one input."""
        return self.members[0].interactions if sampling.people == "each" else ()

    def frames_needed(
        self, sampling: ClipSampling, frame_count: int, fps: Fraction, boundaries: Doubles | None = None
    ) -> Ints:
        """The frames of a video that the clip sampling uses, each once, in order."""
        return frames_of(self.plans(sampling, frame_count, fps, boundaries))

    def plans(
        self, sampling: ClipSampling, frame_count: int, fps: Fraction, boundaries: Doubles | None = None
    ) -> list[list[Window]]:
        """The plan of each member; all plans have the same windows. See `ClipSampling.plan`."""
        return [member.reads(sampling).plan(frame_count, fps, boundaries) for member in self.members]

    def recognize(
        self,
        video_poses: VideoPoses,
        sampling: ClipSampling | None = None,
        *,
        frames: FrameSource | None = None,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> ClipResult:
        """Recognize the action in a video from its poses, which are known in all frames that the sampling needs.

        Args:
            video_poses: the poses.
            sampling: of the clips; None for the default.
            frames: the video itself; only read where `needs_frames`.
            heartbeat: called after each batch of classifier inputs.

        Raises:
            StageMismatch: a frame that the sampling needs has no poses; or a builder needs frames, and there are none.
            EmptyVideo: none of these frames can be decoded.
        """
        [answer] = self._answers([self._reading(video_poses, sampling or self.sampling, frames)], heartbeat)
        return answer

    def recognize_file(
        self,
        video_poses: VideoPoses,
        sampling: ClipSampling | None = None,
        *,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> ClipResult:
        """As `recognize`, for the poses of a pose file, which may lack frames.

        A missing frame is replaced by the nearest one, see
        `posec3d_cli.recognition.substitutes.with_substitutes`; a warning says how many are replaced.

        Raises:
            BadPoseFile: a missing frame has no substitute near enough.
            StageMismatch: a builder reads the frames of the video.
        """
        sampling = sampling or self.sampling
        video_poses = self.selected(video_poses)
        plans = self.plans(sampling, *video_poses.video.timing)
        plans, notices = with_substitutes(plans, video_poses)
        models = {kind: model for kind, model in self.used.models.items() if kind == "classifier"}
        made_by = replace(self.used, name=None, models=models)
        [answer] = self._answers([Reading(video_poses, sampling, plans, made_by, notices)], heartbeat)
        return answer

    def recognize_many(
        self,
        videos: Iterable[VideoPoses],
        sampling: ClipSampling | None = None,
        *,
        frames: Iterable[FrameSource | None] = (),
    ) -> Iterator[ClipResult]:
        """As `recognize`, for many videos one after the other: classifier inputs of several share a batch.

        Args:
            videos: the poses.
            sampling: of the clips; None for the default.
            frames: the video of each of them; what is missing at the end is None.
        """
        given = zip(videos, chain(frames, repeat(None)), strict=False)
        while chunk := list(islice(given, VIDEOS_AT_ONCE)):
            yield from self._answers([self._reading(one, sampling or self.sampling, source) for one, source in chunk])

    def selected(self, video_poses: VideoPoses) -> VideoPoses:
        """The poses, in which people who are not to be read have no track id."""
        track_ids = self.selection.of_frames(video_poses.detections, video_poses.track_ids)
        return replace(video_poses, track_ids=track_ids)

    def _reading(self, video_poses: VideoPoses, sampling: ClipSampling, frames: FrameSource | None) -> Reading:
        video_poses = self.selected(video_poses)
        plans = self.plans(sampling, *video_poses.video.timing)
        needed = frames_of(plans)
        lost = np.intersect1d(video_poses.lost, needed)
        if len(lost):
            # Frames that are there for drawing only stand in for none: the answer is the same without them.
            seen = np.intersect1d(video_poses.frame_indices, needed)
            if not len(seen):
                raise EmptyVideo(
                    f"{video_poses.video.path}: none of {counted(len(needed), 'frame')} needed can be decoded"
                )
            plans = [[window.without(lost, seen) for window in plan] for plan in plans]
        return Reading(video_poses, sampling, plans, self.used, self.notices(), lost, frames)

    def _answers(
        self, readings: Sequence[Reading], heartbeat: Callable[[], None] = lambda: None
    ) -> Iterator[ClipResult]:
        scored = [self._classify(number, member, readings, heartbeat) for number, member in enumerate(self.members)]
        for reading, *by_member in zip(readings, *scored, strict=True):
            yield self._aggregate(reading, by_member)

    def _aggregate(self, reading: Reading, scored: Sequence[Sequence[Scored]]) -> ClipResult:
        """The answer about one video, from what each member says of its people and windows."""
        weights = [member.weight for member in self.members]
        builder = ClipBuilder(
            reading.video_poses,
            weights,
            reading.sampling,
            reading.made_by,
            reading.notices,
            self.selection,
            self.interactions(reading.sampling),
        )
        builder.tally.add(reading.used)
        builder.ids |= reading.ids
        builder.add_windows(reading.plans[0], scored)
        return builder.result(reading.video_poses, {**reading.video_poses.seconds, **reading.watch.seconds})

    def classify_windows(
        self,
        video_poses: VideoPoses,
        plans: Sequence[Sequence[Window]],
        sampling: ClipSampling,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> tuple[list[list[Scored]], set[int], dict[str, float]]:
        """What each member says of the people in some windows, for streams.

        Args:
            video_poses: with the poses of their frames, or with these frames among `lost`: then the nearest frame that
                is known stands in for one.
            plans: of each member, the windows.
            sampling: how people are grouped.
            heartbeat: called after each batch of classifier inputs.

        Returns:
            The scores by member, the track ids of the main people, and the wall time by stage.

        Raises:
            StageMismatch: a frame of a window is neither known nor lost.
        """
        if len(video_poses.lost):
            seen = video_poses.frame_indices
            plans = [[window.without(video_poses.lost, seen) for window in plan] for plan in plans]
        reading = Reading(video_poses, sampling, plans, self.used, ())
        scored = [self._classify(number, member, [reading], heartbeat)[0] for number, member in enumerate(self.members)]
        return scored, reading.ids, dict(reading.watch.seconds)

    def notices(self) -> tuple[str, ...]:
        """Sentences that every result has among its warnings."""
        detector = self.used.models.get("detector")
        if detector is not None and detector.stage == "whole-frame":
            return ("no detector looked for people: every frame was taken as one person who fills it",)
        return ()

    def _classify(
        self, number: int, member: Member, readings: Sequence[Reading], heartbeat: Callable[[], None]
    ) -> list[list[Scored]]:
        """The scores of each subject of each reading, by member `number`; only the inputs of a few exist at once."""
        scored: list[list[Scored]] = [[] for _ in readings]
        waiting: list[tuple[int, Subject, Floats | None]] = []
        objects, selection = member.objects, self.selection
        volumes: list[ClassifierInput] = []

        def flush() -> None:
            if not volumes:
                return
            begun = perf_counter()
            answers = member.classifier.classify(volumes)
            share = (perf_counter() - begun) / len(volumes)
            if len(answers) != len(volumes):
                raise StageMismatch(f"the classifier gave {len(answers)} answers for {len(volumes)} volumes")
            for (place, subject, near), answer in zip(waiting, answers, strict=True):
                seen, scores = subject, answer
                if objects is not None and near is not None:
                    seen = replace(subject, objects=objects.at_hand(near))
                    scores = objects.apply(answer, near, subject.weight)
                scored[place].append((seen, scores if self.names_unknown else scores.ruling_out({UNKNOWN})))
                readings[place].watch.add("classify", share)
            waiting.clear()
            volumes.clear()
            heartbeat()

        for place, reading in enumerate(readings):
            interactions = self.interactions(reading.sampling)
            for subject, sequence, built in reading.inputs(number, member.builder, selection, interactions):
                volumes.append(built)
                waiting.append((place, subject, objects.features(sequence) if objects else None))
                if sum(map(len, volumes)) >= VIEWS_AT_ONCE:
                    flush()
        flush()
        return scored


def _object_reading(card: ModelCard, config: PipelineConfig, labels: Sequence[str]) -> ObjectReading | None:
    """What the classifier of a card reads of objects, if it does."""
    if all(file.name != OBJECTS for file in card.files):
        return None
    files = fetch(card, offline=config.offline, weights_dir=config.weights_dir)
    return ObjectReading.read(files[OBJECTS], labels)

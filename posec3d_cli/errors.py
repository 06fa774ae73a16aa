"""The exceptions of posec3d.

    PoseC3DError(what, *, hint="")
    ├── InputError    UnreadableVideo · EmptyVideo · BadPoseFile · BadDataset · UnknownSample
    ├── ModelError    UnknownModel · BadCard · WeightsMissing · WeightsCorrupt · WeightsMismatch
    ├── StageError    UnknownStage · StageUnavailable · StageMismatch
    ├── ConfigError
    ├── DeviceError   UnknownDevice
    └── OutputError   OutputExists

The classes whose names begin with `Unknown` are `UnknownName` too: the user named something that does not exist.

`what` says what is wrong and with which value; `hint` says what to do about it.
Errors of other libraries are turned into one of these where those libraries are called.
"""

from __future__ import annotations

import difflib
import os
import re
import traceback
from collections.abc import Iterable, Sequence


class PoseC3DError(Exception):
    """The base class of all exceptions of posec3d.

    Attributes:
        what: one sentence that names the thing and the value.
        hint: what the user can do; may be empty.
    """

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class UnknownName(PoseC3DError):
    """The user named a model, stage, sample or device that does not exist."""


class InputError(PoseC3DError):
    """An input file or table cannot be used."""


class UnreadableVideo(InputError):
    """The file is no video, or the reader cannot decode it."""


class EmptyVideo(InputError):
    """The container holds a video stream without a single decodable frame."""


class BadPoseFile(InputError):
    """A pose file violates its format."""


class BadDataset(InputError):
    """A folder, table or dataset pickle of labeled clips cannot be used for training or evaluation."""


class UnknownSample(InputError, UnknownName):
    """No sample clip has this name."""


class ModelError(PoseC3DError):
    """A model card or its weights cannot be used."""


class UnknownModel(ModelError, UnknownName):
    """No card has this name."""


class BadCard(ModelError):
    """A card is incomplete or contradicts itself."""


class WeightsMissing(ModelError):
    """A weights file is neither in the cache nor obtainable."""


class WeightsCorrupt(ModelError):
    """A file's bytes do not have the sha256 that its card states."""


class WeightsMismatch(ModelError):
    """The tensors in a file do not fit the network."""


class StageError(PoseC3DError):
    """A pipeline stage cannot be used."""


class UnknownStage(StageError, UnknownName):
    """No installed package offers a stage of this name."""


class StageUnavailable(StageError):
    """The stage exists, but a package that it needs is not installed."""


class StageMismatch(StageError):
    """Two neighbouring stages do not fit, or a plugin breaks its protocol."""


class ConfigError(PoseC3DError):
    """A setting is out of range, or two settings contradict each other."""


class DeviceError(PoseC3DError):
    """The requested device is not there."""


class UnknownDevice(DeviceError, UnknownName):
    """No device has this name."""


class OutputError(PoseC3DError):
    """A result cannot be written."""


class OutputExists(OutputError):
    """The output exists, and overwriting was not asked for."""


def unexpected(error: Exception) -> PoseC3DError:
    """Wrap an unexpected exception as a PoseC3DError with its type, its text and the line that raised it."""
    *_, last = traceback.extract_tb(error.__traceback__)
    place = "/".join(last.filename.split(os.sep)[-2:])
    mine = PoseC3DError(
        f"an unexpected error, {type(error).__name__}: {error}",
        hint=f"please report it, with this line: {place}, line {last.lineno}",
    )
    mine.__cause__ = error
    return mine


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts: "1 clip", "2 clips", "2 classes" where `plural` says so."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def are(number: int) -> str:
    """The verb behind a number of things."""
    return "is" if number == 1 else "are"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a sentence; where there are more than `most`, how many are left out."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def together(said: Sequence[tuple[str, str]], noun: str) -> list[str]:
    """Group sentences about several things: one line for all sentences that differ only in their numbers.

    Args:
        said: the name of a thing and a sentence about it.
        noun: what the things are.

    Returns:
        "a.mp4: 3 frames are lost", or "2 videos: 3 to 5 frames are lost: a.mp4, b.mp4".
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name, sentence in said:
        kinds.setdefault(_NUMBER.sub("0", sentence), []).append((name, sentence))
    lines = []
    for one in kinds.values():
        names = list(dict.fromkeys(name for name, _ in one))
        if len(names) == 1:
            lines += [f"{name}: {sentence}" for name, sentence in one]
        else:
            lines.append(f"{counted(len(names), noun)}: {_with_ranges([text for _, text in one])}: {listed(names)}")
    return lines


def _with_ranges(sentences: Sequence[str]) -> str:
    """One sentence for several that differ in their numbers only."""
    columns = zip(*(_NUMBER.findall(sentence) for sentence in sentences), strict=True)
    ranges = iter([_range(numbers) for numbers in columns])
    return _NUMBER.sub(lambda found: next(ranges), sentences[0])


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if float(low) == float(high) else f"{low} to {high}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ "did you mean 'x'? " for the most similar of `names`, or an empty text where none is similar."""
    choices = sorted(names)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.6) or [x for x in choices if name and name in x]
    return f"did you mean {near[0]!r}? " if near else ""

"""Every error that posec3d raises on purpose.

    PoseC3DError(what, *, hint="")
    ├── InputError    UnreadableVideo · EmptyVideo · BadPoseFile · BadDataset
    ├── ModelError    UnknownModel · BadCard · WeightsMissing · WeightsCorrupt · WeightsMismatch
    ├── StageError    UnknownStage · StageUnavailable · StageMismatch
    ├── DeviceError
    └── OutputError   OutputExists

`what` says what is wrong and with which value; `hint` says what to do about it.
Errors of other libraries are turned into one of these where those libraries are called.
"""

from __future__ import annotations

import os
import traceback


class PoseC3DError(Exception):
    """The root: catch this to catch everything that posec3d raises on purpose.

    Attributes:
        what: one sentence that names the thing and the value.
        hint: what the user can do; may be empty.
    """

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class InputError(PoseC3DError):
    """Something that the user gave cannot be used."""


class UnreadableVideo(InputError):
    """The file is no video, or not one that the reader can decode."""


class EmptyVideo(InputError):
    """The container holds a video stream without a single decodable frame."""


class BadPoseFile(InputError):
    """A pose file does not hold what its format promises."""


class BadDataset(InputError):
    """A folder, table or pack of labelled clips cannot be trained or measured on."""


class ModelError(PoseC3DError):
    """A model card or its weights cannot be used."""


class UnknownModel(ModelError):
    """No card has this name."""


class BadCard(ModelError):
    """A card is incomplete or contradicts itself."""


class WeightsMissing(ModelError):
    """A weights file is neither in the cache nor obtainable."""


class WeightsCorrupt(ModelError):
    """A file's bytes do not have the sha256 that its card states."""


class WeightsMismatch(ModelError):
    """The tensors in a file are not those that the network expects."""


class StageError(PoseC3DError):
    """A pipeline stage cannot be used."""


class UnknownStage(StageError):
    """No installed package offers a stage of this name."""


class StageUnavailable(StageError):
    """The stage exists, but a package that it needs is not installed."""


class StageMismatch(StageError):
    """Two neighbouring stages do not fit, or a plugin breaks its protocol."""


class DeviceError(PoseC3DError):
    """The requested device is not there."""


class OutputError(PoseC3DError):
    """A result cannot be written."""


class OutputExists(OutputError):
    """The output is already there and overwriting it was not asked for."""


def unexpected(error: Exception) -> PoseC3DError:
    """An error that nobody foresaw, as one of ours: what Python says of it, and where it was raised."""
    *_, last = traceback.extract_tb(error.__traceback__)
    place = "/".join(last.filename.split(os.sep)[-2:])
    mine = PoseC3DError(
        f"an unexpected error, {type(error).__name__}: {error}",
        hint=f"please report it, with this line: {place}, line {last.lineno}",
    )
    mine.__cause__ = error
    return mine

"""ONNX models: open a session, run it, and make its input from images (size, channel order, normalization)."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from posec3d_cli.errors import BadCard, StageUnavailable
from posec3d_cli.runtime.device import USE_AUTO
from posec3d_cli.schema import Checked, Count, Positive
from posec3d_cli.types import Floats, Pixels

ImageSize = Annotated[tuple[Count, Count], Meta(description="a width and a height in pixels")]
Channels = Literal["rgb", "bgr"]
Means = Annotated[tuple[float, float, float], Meta(description="three numbers")]
Deviations = Annotated[tuple[Positive, Positive, Positive], Meta(description="three numbers above 0")]
NO_MEANS, NO_DEVIATIONS = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


class ImageInput(Checked, frozen=True):
    """The image input of a model: size, channel order and normalization; the fields are settings of its card.

    Attributes:
        input_size: (w, h) in pixels.
        channels: "rgb" or "bgr": the order in which the model reads the three channels.
        mean: subtracted from the values 0 to 255, one per channel in that order.
        std: what the difference is divided by.
    """

    input_size: ImageSize
    channels: Channels
    mean: Means = NO_MEANS
    std: Deviations = NO_DEVIATIONS

    def tensor(self, images: Pixels) -> Floats:
        """Make the input tensor of the model.

        Args:
            images: `(N, H, W, 3)` uint8 RGB.

        Returns:
            `(N, 3, H, W)` float32, channels in the model's order.
        """
        ordered = images[..., ::-1] if self.channels == "bgr" else images
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.ascontiguousarray(((ordered.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2))

    def check(self, session: Any, outputs: int) -> int | None:
        """Refuse a model that does not read such images; returns how many it reads at once, None for any number.

        Args:
            session: the opened model.
            outputs: how many outputs it has to have.

        Raises:
            BadCard: it has another input, or fewer outputs.
        """
        found = [(one.type, list(one.shape)) for one in session.get_inputs()]
        wanted = [3, *self.input_size[::-1]]
        # An axis of any length has a name, or nothing, where one of fixed length has a number.
        fits = len(found) == 1 and found[0][0] == "tensor(float)" and len(found[0][1]) == 4
        batch, *rest = found[0][1] if fits else [0]
        if not fits or any(want != have for want, have in zip(wanted, rest, strict=True) if isinstance(have, int)):
            reads = [f"{one} {shape or 'of a single number or unknown shape'}" for one, shape in found]
            shape = ", ".join(map(str, wanted))
            raise BadCard(
                f"the model must read one float tensor (N, {shape}), but reads {' and '.join(reads) or 'nothing'}",
                hint="the card's input_size is the model's width and height",
            )
        if len(session.get_outputs()) < outputs:
            raise BadCard(f"the model must have {outputs} outputs, but has {len(session.get_outputs())}")
        return batch if isinstance(batch, int) else None


_INSIDE = "end2end.onnx"
_CUDA = "CUDAExecutionProvider"
_TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"
"""Without it, official builds of ONNX Runtime report models and machines to their maker, and store a number for it."""


def open_session(model: Path | bytes, *, stage: str, device: str = "cpu") -> Any:
    """An `onnxruntime.InferenceSession`; on "cpu" a call takes one thread, and several may be made side by side.

    Args:
        model: a `.onnx` file, a `.zip` that holds one `end2end.onnx` (as OpenMMLab publishes its exports; it is read
            where it lies, nothing is unpacked), or a serialised model.
        stage: how messages call the stage that asks.
        device: "cpu" or "cuda[:N]".

    Raises:
        StageUnavailable: ONNX Runtime does not import, or cannot run on the device.
        BadCard: the file holds no model that ONNX Runtime can load.
    """
    try:
        onnxruntime = _runtime()
    except ImportError as error:
        raise StageUnavailable(
            f"the stage {stage!r} needs the package onnxruntime, which does not import: {error}",
            hint="pip install onnxruntime",
        ) from error
    providers = _providers(onnxruntime, stage, device)
    options = onnxruntime.SessionOptions()
    if device == "cpu":
        options.intra_op_num_threads = 1
    content: Any = model
    if isinstance(model, Path):
        content = read_zipped(model) if zipfile.is_zipfile(model) else str(model)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # ONNX Runtime has a dozen errors of its own, with no common class but this one
        name = model if isinstance(model, Path) else "the converted graph"
        raise BadCard(f"{name} is no model that ONNX Runtime can load: {str(error).splitlines()[0]}") from error
    if device != "cpu" and _CUDA not in session.get_providers():  # it falls back to the processor by itself
        raise StageUnavailable(
            f"the stage {stage!r} cannot run on {device!r}: ONNX Runtime cannot start its CUDA part, which needs the "
            "CUDA and cuDNN libraries of its version",
            hint=USE_AUTO,
        )
    return session


def only_processor() -> bool:
    """Whether the installed ONNX Runtime runs on the processor only, told without torch."""
    try:
        onnxruntime = _runtime()
    except ImportError:
        return True  # `open_session` says so
    return _CUDA not in onnxruntime.get_available_providers()


def answer(session: Any, given: dict[str, Any], model: Path | str) -> list[Any]:
    """Run a model: its outputs, in their order, each an array of numbers.

    Args:
        session: the opened model.
        given: the input by its name.
        model: how messages call the model.

    Raises:
        BadCard: the model cannot be run on this, or returns something else than arrays of numbers.
    """
    try:
        outputs = session.run(None, given)
    except Exception as error:  # as above; the file says one thing and its graph another
        shapes = " and ".join(str(tuple(one.shape)) for one in given.values())
        raise BadCard(f"{model} cannot be run on an input of {shapes}: {str(error).splitlines()[0]}") from error
    for number, one in enumerate(outputs):
        if not isinstance(one, np.ndarray) or one.dtype.kind not in "fiub":
            kind = one.dtype if isinstance(one, np.ndarray) else type(one).__name__
            raise BadCard(f"{model} returns {kind} as output {number}, where an array of numbers was expected")
    return list(outputs)


@contextmanager
def naming(model: Path | str) -> Iterator[None]:
    """Within it, what is said against a card begins with the model's name."""
    try:
        yield
    except BadCard as error:
        raise BadCard(f"{model}: {error.what}", hint=error.hint) from error


def read_zipped(archive: Path) -> bytes:
    """The one `end2end.onnx` in a zip, wherever in it.

    Raises:
        BadCard: the zip holds none or several, or is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            found = [name for name in opened.namelist() if name.rpartition("/")[2] == _INSIDE]
            if len(found) != 1:
                raise BadCard(f"{archive} must hold one {_INSIDE}, but holds {len(found)}")
            return opened.read(found[0])
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise BadCard(f"{archive} is no readable zip: {error}") from error


def _runtime() -> Any:
    os.environ.setdefault(_TELEMETRY_OFF, "1")  # it is read on import
    import onnxruntime

    return onnxruntime


def _providers(onnxruntime: Any, stage: str, device: str) -> list[Any]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    kind, _, number = device.partition(":")
    if kind == "cuda" and _CUDA in onnxruntime.get_available_providers():
        return [(_CUDA, {"device_id": int(number or 0)}), "CPUExecutionProvider"]
    raise StageUnavailable(
        f"the stage {stage!r} cannot run on {device!r}: the installed ONNX Runtime offers "
        + ", ".join(onnxruntime.get_available_providers()),
        hint=f"{USE_AUTO}, or install onnxruntime-gpu for CUDA",
    )

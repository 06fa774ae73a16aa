"""Models that are converted once, when their files are fetched, and kept beside the weights.

A card with a `[convert]` table has files that no runtime reads. What they become lies in `<home>/weights/converted/`,
called by a digest of the files, of the converter and of its settings, with its own sha256 beside it. A file of another
converter or of other settings is never taken for it; one that is damaged is made anew. In a folder of the user's own it
is looked for too, so that a bundle of `posec3d models pull --into` is complete. Where nothing can be kept, as in a home
that cannot be written, it is converted in each process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from posec3d_cli.errors import OutputError, WeightsCorrupt
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.files.writing import atomic_write, cannot_write
from posec3d_cli.hub.checksums import RECORDED_SUFFIX, read_recorded_checksum, write_recorded_checksum

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

MODEL = "model"
"""The name of the converted file for the stage."""
FOLDER = "converted"
_CONVERTER = Path(__file__).with_name("convert_tfjs.py")


def converted_path(card: ModelCard, files: Mapping[str, Path], cache: Path) -> Path:
    """The path of the converted model of `card` in a cache of weights, whether or not it exists."""
    assert card.conversion is not None
    sources = {file.name: file.sha256 or sha256_of(files[file.name]) for file in card.files}
    settings = [card.conversion.start, card.conversion.image_size, card.conversion.outputs]
    made_of = json.dumps([sources, settings, sha256_of(_CONVERTER)], sort_keys=True)
    digits = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    return converted_folder(cache) / f"{digits}-{Path(card.files[0].filename).stem}.onnx"


def converted_folder(cache: Path) -> Path:
    """The folder of the converted models in a cache of weights."""
    return cache / FOLDER


def is_whole(path: Path) -> bool:
    """Whether a converted model exists with its recorded content."""
    try:
        recorded = read_recorded_checksum(path)
        return recorded is not None and recorded.fits(sha256_of(path))
    except (OSError, WeightsCorrupt):
        return False


def keep_converted(card: ModelCard, files: Mapping[str, Path], cache: Path, own: list[Path]) -> Path | None:
    """The path of the converted model: in a folder of the user's own, or in the cache; converted if missing.

    Args:
        card: a model with a conversion.
        files: its files, by name.
        cache: the folder of the cache that holds the weights.
        own: folders of the user's own.

    Returns:
        None where it does not exist and cannot be written.

    Raises:
        BadCard: the files cannot be converted.
    """
    target = converted_path(card, files, cache)
    places = [folder / below / FOLDER / target.name for folder in own for below in ("", "weights")]
    existing = next((path for path in (*places, target) if is_whole(path)), None)
    if existing is not None or cannot_write(target.parent):
        return existing
    model = convert_files(card, files)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_recorded_checksum(target, hashlib.sha256(model).hexdigest(), len(model))  # the file never goes without
        with atomic_write(target, overwrite=True) as part:
            part.write_bytes(model)
    except (OSError, OutputError):  # such as a disk that is full by now
        return None
    return target


def converted(card: ModelCard, files: Mapping[str, Path]) -> Path | bytes:
    """The converted model of a card whose files were fetched, or its content where it could not be kept.

    Raises:
        BadCard: the files cannot be converted.
    """
    return files[MODEL] if MODEL in files or card.conversion is None else convert_files(card, files)


def convert_files(card: ModelCard, files: Mapping[str, Path]) -> bytes:
    """The content of the converted model.

    Raises:
        BadCard: the files cannot be converted.
    """
    from posec3d_cli.hub.convert_tfjs import convert  # imports onnx, which takes as long as opening the model

    assert card.conversion is not None
    return convert(
        files["topology"],
        files["weights"],
        start=card.conversion.start,
        image_size=card.conversion.image_size,
        outputs=card.conversion.outputs,
    )


def kept_models(cache: Path) -> list[Path]:
    """The converted models of a cache, those of earlier converters included."""
    return sorted(path for path in converted_folder(cache).glob("[!.]*") if path.suffix != RECORDED_SUFFIX)


def clear_converted(cache: Path) -> int:
    """Remove the converted models of a cache; the number of them.

    Raises:
        OutputError: one cannot be removed.
    """
    models = kept_models(cache)
    for path in (file for model in models for file in (model, model.with_name(model.name + RECORDED_SUFFIX))):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}") from error
    return len(models)

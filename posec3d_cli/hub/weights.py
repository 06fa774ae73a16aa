"""Weights: locate, fetch, verify, load.

The cache is one flat folder, `<home>/weights/<first 16 digits of the sha256>-<file name>`, where `<home>` is
`POSEC3D_HOME`, else the user's cache folder; where the sha256 is not known, the digits are those of the first source's
text. Files are looked for in folders of the user's own first, under the name that their publisher gave them or under
that of the cache, and are used where they lie; so is a file that ships with us (`file:`). Every file is hashed before
each use. Such a cache, filled with `posec3d models pull --into`, can be carried to another machine.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from posec3d_cli.errors import InputError
from posec3d_cli.hub.checksums import Expected, expected_of
from posec3d_cli.hub.converted import MODEL, keep_converted
from posec3d_cli.hub.download import DownloadCallback, fetch_files, shipped_paths
from posec3d_cli.hub.sources import parse_source

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard, WeightFile


def cache_home() -> Path:
    """The folder of everything that posec3d downloads: `POSEC3D_HOME`, else the user's cache folder."""
    home = os.environ.get("POSEC3D_HOME")
    if home:
        return Path(home).expanduser().absolute()
    return user_cache_path("posec3d")


def weights_cache(home: Path | None = None) -> Path:
    """The folder of the cache that holds the weights."""
    return (home or cache_home()) / "weights"


def cached_path(file: WeightFile, home: Path | None = None) -> Path:
    """The path of a weights file in the cache, whether or not it exists."""
    digits = file.sha256 or hashlib.sha256(file.sources[0].encode()).hexdigest()
    return weights_cache(home) / f"{digits[:16]}-{file.filename}"


def weights_folders(weights_dir: str | Path | None = None) -> list[Path]:
    """The folders of the user's own that hold weights: `weights_dir`, then those that `POSEC3D_WEIGHTS` names.

    Raises:
        InputError: `weights_dir` is no folder. Folders of the variable may be missing, as in any search path.
    """
    if weights_dir is not None and not Path(weights_dir).expanduser().is_dir():
        raise InputError(f"the weights folder {weights_dir} does not exist or is no folder")
    named = [part for part in os.environ.get("POSEC3D_WEIGHTS", "").split(os.pathsep) if part]
    return [Path(folder).expanduser().absolute() for folder in ([] if weights_dir is None else [weights_dir]) + named]


def locate(card: ModelCard, file: WeightFile) -> Path | None:
    """The existing path of a file of `card`, checked by its size if known, or None."""
    size = expected(card, file).size
    places = [*_own(file, None), cached_path(file), *shipped_paths(file, card.folder)]
    existing = (path for path in places if path.is_file())
    return next((path for path in existing if size in (None, path.stat().st_size)), None)


def expected(card: ModelCard, file: WeightFile, weights_dir: str | Path | None = None) -> Expected:
    """The expected content of a file of `card`: as the card states, or as recorded at the first fetch.

    Raises:
        WeightsCorrupt: the recorded checksum is damaged.
    """
    return expected_of(file, [cached_path(file), *_own(file, weights_dir), *shipped_paths(file, card.folder)])


def hashes(card: ModelCard, weights_dir: str | Path | None = None) -> dict[str, str]:
    """The sha256 of each file of `card`, by `WeightFile.name`; empty if neither card nor record states it.

    Raises:
        WeightsCorrupt: a recorded checksum is damaged.
    """
    known = {file.name: expected(card, file, weights_dir) for file in card.files}
    return {name: one.sha256 if one.whole else "" for name, one in known.items()}


def fetch(
    card: ModelCard,
    *,
    offline: bool | None = None,
    progress: DownloadCallback | None = None,
    home: Path | None = None,
    weights_dir: str | Path | None = None,
) -> dict[str, Path]:
    """The verified files of `card`, downloaded if they are missing.

    Args:
        card: the model.
        offline: never touch the network; by default what `POSEC3D_OFFLINE` says.
        progress: called for each chunk of a download.
        home: the cache to fill, instead of `cache_home()`; files that are already elsewhere are copied from there.
        weights_dir: a folder that may hold the files, searched before those that `POSEC3D_WEIGHTS` names.

    Returns:
        The paths by `WeightFile.name`; that of a converted model as "model", unless it could not be kept, see
        `posec3d_cli.hub.converted`.

    Raises:
        BadCard: the files cannot be converted.
        InputError: `weights_dir` is no folder.
        WeightsMissing: no source delivers a file, or the file cannot be written.
        WeightsCorrupt: an existing or downloaded file has another sha256 than its card or record.
    """
    targets = {file: cached_path(file, home) for file in card.files}
    own = {file: _own(file, weights_dir) for file in card.files}
    copies = {file: [*own[file], cached_path(file)] for file in card.files}
    paths = fetch_files(
        targets,
        owner=f"the model {card.name!r}",
        folder=card.folder,
        elsewhere=own if home is None else None,
        copies=copies if home is not None else None,
        offline=offline,
        progress=progress,
    )
    if card.conversion is not None:
        model = keep_converted(card, paths, weights_cache(home), weights_folders(weights_dir) if home is None else [])
        paths |= {} if model is None else {MODEL: model}
    return paths


def _own(file: WeightFile, weights_dir: str | Path | None) -> list[Path]:
    """Where a file may lie in the folders of the user's own, of which each may also be a cache.

    One of which no digit of the hash is known counts only below the last folder of its address: many are called
    `joint.pth`, and nothing but the place tells them apart.
    """
    cached = cached_path(file).name
    plain = Path(file.filename)
    if not file.sha256 and not file.sha256_prefix:
        plain = PurePosixPath(parse_source(file.sources[0]).path).parent.name / plain
    names = (plain, Path(cached), Path("weights", cached))
    return [folder / name for folder in weights_folders(weights_dir) for name in names]

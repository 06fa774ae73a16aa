"""Fetch a file of a bucket, an archive or another file system that the package fsspec knows."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from posec3d_cli.errors import InputError, PoseC3DError, StageUnavailable
from posec3d_cli.sources.cache import (
    Copy,
    FetchCallback,
    Origin,
    ReceivedCallback,
    SourceCache,
    too_large,
    write_limited,
)

EXTRA = "pip install 'posec3d-cli[remote]'"
_CHUNK = 1 << 20
_PLAIN = (str, int, float, bytes, tuple, datetime.datetime)
_ANY_VERSION = frozenset({"filename", "gid", "islink", "mode", "name", "nlink", "orig_filename", "size", "type", "uid"})
_HERE = frozenset({"file", "libarchive", "local", "memory", "tar", "zip"})


def needs_network(address: str) -> bool:
    """Whether a chain of addresses such as `zip://a.mp4::s3://bucket/a.zip` leaves this machine."""
    schemes = [link.partition("://")[0].lower() for link in address.split("::") if "://" in link]
    return not _HERE.issuperset(schemes)


def fetch(
    address: str,
    name: str,
    cache: SourceCache,
    copy: Copy,
    limit: int,
    progress: FetchCallback,
    received: ReceivedCallback,
) -> None:
    """Fetch a file into the copy, if the copy is not of the version that is there.

    Args:
        address: of a file, as fsspec writes it.
        name: the address as messages show it.
        cache: where it is written meanwhile.
        copy: the place of the copy.
        limit: bytes that are taken at most.
        progress: called when content is fetched.
        received: called while it comes.

    Raises:
        InputError: there is no such file, or it cannot be read, or is beyond the limit.
        StageUnavailable: a package for this kind of address is missing.
        OutputError: the cache cannot be written.
    """
    opened, about = _opened(address, name)
    if about.get("type") == "directory":
        raise InputError(f"{name} is a folder", hint="in label and extract-poses, / at its end takes every video below")
    size = about.get("size")
    if isinstance(size, int) and size > limit:
        raise too_large(name, limit, size)
    version = _version(about)
    known = copy.origin()
    if known is not None and version and known.etag == version:
        return
    progress(name, size if isinstance(size, int) else None)
    with cache.part() as part:
        written = write_limited(_chunks(opened, name), part, limit, name, received)
        if written == 0:
            raise InputError(f"{name} is empty: it holds 0 bytes", hint="upload it again")
        copy.store(part, Origin(name, copy.path.name, written, version))


def is_folder(address: str) -> bool:
    """Whether an address is written as a folder: `s3://bucket/clips/`, `zip://in/::clips.zip`, `zip://::clips.zip`."""
    return address.partition("::")[0].endswith("/")


def files_below(address: str, name: str) -> list[str]:
    """The names of all files below a folder, relative to it, with forward slashes, in order.

    Args:
        address: of a folder, see `is_folder`.
        name: the address as messages show it.

    Raises:
        InputError: there is no such folder, or it may not be read.
        StageUnavailable: a package for this kind of address is missing.
    """
    with _problems_told(name):
        from fsspec.core import url_to_fs

        system, root = url_to_fs(address)
        found = system.find(root)
    top = root.strip("/")
    return sorted(file.strip("/").removeprefix(top).lstrip("/") for file in found)


def below(address: str, file: str) -> str:
    """The address of a file below a folder; `file` is one of `files_below`."""
    first, chain, rest = address.partition("::")
    return f"{first}{file}{chain}{rest}"


def has_changed(address: str, name: str, copy: Copy) -> bool:
    """As `posec3d_cli.sources.web.has_changed`."""
    known = copy.origin()
    if known is not None and not known.etag:
        return False
    try:
        _, about = _opened(address, name)
    except PoseC3DError:
        return False
    return known is None or _version(about) not in ("", known.etag)


def _opened(address: str, name: str) -> tuple[Any, Mapping[str, Any]]:
    """A file to open, and what its file system tells of it.

    Raises:
        InputError: there is no such file, or it may not be read.
        StageUnavailable: a package for this kind of address is missing.
    """
    with _problems_told(name):
        import fsspec

        opened = fsspec.open(address, "rb")
        return opened, opened.fs.info(opened.path)


@contextmanager
def _problems_told(name: str) -> Iterator[None]:
    """Tell what fails in this block by our own errors."""
    try:
        yield
    except ImportError as error:
        raise StageUnavailable(f"{name} needs a package that is not installed: {error}", hint=EXTRA) from error
    except Exception as error:
        raise _problem(name, error) from error


def _chunks(opened: Any, name: str) -> Iterator[bytes]:
    with _problems_told(name), opened as file:
        stream: IO[bytes] = file
        while chunk := stream.read(_CHUNK):
            yield chunk


def _version(about: Mapping[str, Any]) -> str:
    """What the file system tells of a version: its ETag, times, checksum; empty where that is no more than its size."""
    told = {name: str(value) for name, value in about.items() if isinstance(value, _PLAIN) and name not in _ANY_VERSION}
    if not told:
        return ""
    return hashlib.sha256(repr(sorted({**told, "size": str(about.get("size"))}.items())).encode()).hexdigest()


def _problem(name: str, error: Exception) -> InputError:
    chainless = name.lower().startswith("zip://") and "::" not in name
    archive = "a file in an archive is written zip://FILE::ARCHIVE" if chainless else ""
    if isinstance(error, FileNotFoundError | KeyError):
        return InputError(f"{name}: there is no such file", hint=archive or "check the address")
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, ValueError) and "Protocol not known" in said:
        return InputError(f"{name} is an address of a kind that is not known", hint="http(s), s3, gs and zip are")
    if isinstance(error, PermissionError) or "credential" in said.lower():
        return InputError(f"{name} may not be read: {said}", hint="check the credentials of this file system")
    return InputError(f"{name} cannot be read: {said}", hint=archive)

"""LocalCopies: give each input that is no path a local file, and each sequence of pictures a list."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO

from posec3d_cli.errors import InputError
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.files.media import LIST_SUFFIX
from posec3d_cli.sources import remote, web
from posec3d_cli.sources.cache import (
    MAX_BYTES,
    Copy,
    FetchCallback,
    Origin,
    ReceivedCallback,
    SourceCache,
    ignore,
    write_limited,
)
from posec3d_cli.sources.kinds import STDIN, file_name, kind_of, shown

logger = logging.getLogger("posec3d")
_CHUNK = 1 << 20


def log_fetch(name: str, size: int | None) -> None:
    """Log that an input is fetched."""
    logger.info("%s is fetched%s", name, "" if size is None else f", {size / 1e6:.1f} MB")


@dataclass(frozen=True)
class LocalCopies:
    """Makes local files of inputs.

    Attributes:
        cache: where they lie.
        limit: bytes of one input at most.
        offline: use the copies that are there, and never the network.
        progress: called when content is fetched.
    """

    cache: SourceCache
    limit: int = MAX_BYTES
    offline: bool = False
    progress: FetchCallback = field(default=log_fetch, repr=False)

    def place_of(self, address: str) -> Path:
        """The path of the copy of an address, whether or not it is there."""
        return self._copy(address).path

    def has_changed(self, address: str) -> bool:
        """Whether the file of an address is known to be another one than its copy; see `web.has_changed`."""
        if self._unreachable(address):
            return False
        asked = web.has_changed if kind_of(address) == "web" else remote.has_changed
        return asked(address, shown(address), self._copy(address))

    def files_below(self, address: str) -> list[str]:
        """The names of the files below a folder of another file system; arguments and errors: `remote.files_below`."""
        if self._unreachable(address):
            raise InputError(f"{shown(address)} is a folder elsewhere", hint="list it once without --offline")
        return remote.files_below(address, shown(address))

    def fetch(self, text: str, received: ReceivedCallback = ignore) -> Path:
        """The local file of an address, or of what comes through standard input.

        The copy of an address lies at one path; its content is that of the last time that it was fetched. What comes
        through standard input lies at a path that its content decides.

        Args:
            text: the address, or `-`.
            received: called again and again while content comes.

        Raises:
            InputError: it cannot be had, is beyond the limit, or is a live source.
            StageUnavailable: a package for this kind of address is missing.
            OutputError: the cache cannot be written.
        """
        kind, name = kind_of(text), shown(text)
        if kind == "stdin":
            path = self._stored_stdin()
        elif kind == "live":
            raise InputError(f"{name} is a live source, not a file", hint=f"posec3d live {name}")
        else:
            copy = self._copy(text)
            with copy.locked():
                if not self._unreachable(text):
                    fetched = web.fetch if kind == "web" else remote.fetch
                    fetched(text, name, self.cache, copy, self.limit, self.progress, received)
                elif copy.origin() is None:
                    raise InputError(f"{name} was not fetched before", hint="fetch it once without --offline")
                path = copy.used()
        self.cache.make_room()
        return path

    def list_pictures(self, source: Path, fps: Fraction) -> Path:
        """The list file of a folder or a pattern of pictures.

        Raises:
            UnreadableVideo, EmptyVideo: see `posec3d_cli.video.pictures.list_of`.
            OutputError: the cache cannot be written.
        """
        from posec3d_cli.video.pictures import list_of

        content = list_of(source, fps)
        copy = self.cache.copy(f"{os.path.abspath(source)} at {fps}", f"{source.name or 'pictures'}{LIST_SUFFIX}")
        with copy.locked():
            if copy.origin() is None or copy.path.read_bytes() != content:
                with self.cache.part() as part:
                    write_limited([content], part, len(content), str(source))
                    copy.store(part, Origin(str(source), copy.path.name, len(content)))
            return copy.used()

    def _unreachable(self, address: str) -> bool:
        return self.offline and (kind_of(address) == "web" or remote.needs_network(address))

    def _copy(self, address: str) -> Copy:
        return self.cache.copy(address, file_name(address))

    def _stored_stdin(self) -> Path:
        stdin = sys.stdin.buffer
        if stdin.isatty():
            raise InputError("- is standard input, and nothing is piped into it", hint="cat clip.mp4 | posec3d … -")
        with self.cache.part() as part:
            size = write_limited(_chunks(stdin), part, self.limit, STDIN)
            if size == 0:
                raise InputError("- is standard input, and nothing came through it", hint="pipe a video into it")
            copy = self.cache.copy(f"{STDIN} {sha256_of(part)}", "stdin")
            with copy.locked():
                if copy.origin() is None:
                    copy.store(part, Origin(STDIN, copy.path.name, size))
                return copy.used()


@dataclass(frozen=True)
class Address:
    """An address of which a copy is made when it is needed.

    Attributes:
        text: as it was typed, perhaps with a password.
        copies: what makes the copy.
    """

    text: str = field(repr=False)
    copies: LocalCopies

    def fetch(self, received: ReceivedCallback = ignore) -> Path:
        """Make the copy; arguments and errors are those of `LocalCopies.fetch`."""
        return self.copies.fetch(self.text, received)

    def has_changed(self) -> bool:
        """Whether its file is known to be another one than the copy."""
        return self.copies.has_changed(self.text)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def stem_of(text: str) -> str:
    """What the output files of an address are called: its file's name, and what tells it from others of that name."""
    name = "stdin" if text == STDIN else file_name(text)
    return f"{Path(name).stem}-{hashlib.sha256(os.fsencode(shown(text))).hexdigest()[:8]}"

"""Proxies: copies of videos that browsers do not play, made on demand and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.errors import PoseC3DError, unexpected
from posec3d_cli.hub.weights import cache_home
from posec3d_cli.video import PROXY_VERSION, FrameTimes, make_proxy

LIMIT = 10 * 10**9
"""Bytes of all proxies; those that were not used for longest go first."""
_ENDS = 65_536  # bytes at both ends of a video that tell it from another


def default_folder() -> Path:
    """The folder of the proxies: beside the weights."""
    return cache_home() / "proxies"


@dataclass
class ProxyState:
    """How far a proxy is.

    Attributes:
        done: frames that are written.
        total: all frames.
        path: the proxy, once it is whole and checked.
        error: why there is none.
    """

    done: int = 0
    total: int = 0
    path: Path | None = None
    error: str = ""


class Proxies:
    """A folder of proxies; one is made at a time, in a thread.

    Args:
        folder: made when something is first kept.
        limit: in bytes.
    """

    def __init__(self, folder: Path, *, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._states: dict[str, ProxyState] = {}
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()

    def path_of(self, video: Path) -> Path:
        """Where the proxy of a video lies, or would.

        Raises:
            OSError: the video cannot be read.
        """
        status = video.stat()
        digest = hashlib.sha256(f"{PROXY_VERSION} {status.st_size} {status.st_mtime_ns} ".encode())
        with video.open("rb") as file:
            digest.update(file.read(_ENDS))
            file.seek(max(0, status.st_size - _ENDS))
            digest.update(file.read(_ENDS))
        return self.folder / f"{digest.hexdigest()[:32]}.mp4"

    def start(self, times: FrameTimes) -> ProxyState:
        """The state of the proxy of a video; begins to make it, unless it is there or being made."""
        target = self.path_of(times.path)
        with self._lock:
            state = self._states.get(target.name)
            if state is not None and not state.error and (state.path is None or state.path.exists()):
                return state
            state = self._states[target.name] = ProxyState(total=len(times))
            if target.exists():
                os.utime(target)
                state.path = target
                return state
        threading.Thread(target=self._make, args=(times, target, state), daemon=True).start()
        return state

    def state(self, video: Path) -> ProxyState | None:
        """The state of the proxy of a video; None if nobody asked for it."""
        with self._lock:
            return self._states.get(self.path_of(video).name)

    def files(self) -> list[Path]:
        """The proxies, those that were not used for longest first."""
        with suppress(OSError):
            return sorted(self.folder.glob("*.mp4"), key=lambda path: path.stat().st_mtime)
        return []

    @property
    def size(self) -> int:
        """The bytes of all proxies."""
        return sum(path.stat().st_size for path in self.files())

    def clear(self) -> int:
        """Remove all proxies, and return their number."""
        files = self.files()
        for path in files:
            path.unlink(missing_ok=True)
        return len(files)

    def _make(self, times: FrameTimes, target: Path, state: ProxyState) -> None:
        def progress(done: int, total: int) -> None:
            state.done = done

        try:
            with self._one_at_a_time:
                self.folder.mkdir(parents=True, exist_ok=True)
                make_proxy(times, target, progress)
                self._make_room(target)
            state.path = target
        except PoseC3DError as error:
            state.error = error.what
        except Exception as error:  # whatever it is, the page says it
            state.error = unexpected(error).what

    def _make_room(self, newest: Path) -> None:
        files = [path for path in self.files() if path != newest]
        size = sum(path.stat().st_size for path in (*files, newest))
        for path in files:
            if size <= self.limit:
                break
            size -= path.stat().st_size
            path.unlink(missing_ok=True)

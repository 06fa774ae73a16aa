"""How FFmpeg opens each kind of live source, so that the delay is small and silence is noticed."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posec3d_cli.errors import InputError
from posec3d_cli.files.input_paths import problem_of

LiveKind = Literal["webcam", "network", "stdin", "file"]
STDIN = "-"
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_RTSP = {"rtsp_transport": "tcp", "probesize": "32"}
"""A probe of one packet, for the delay: longer ones show what they read, and are behind by it."""
_TRANSPORT_STREAM = {"probesize": "100000", "analyzeduration": "500000"}
_DATAGRAMS = {**_TRANSPORT_STREAM, "fifo_size": "100000", "overrun_nonfatal": "1"}
_SCHEMES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("rtsp", "rtsps"), _RTSP),
    **dict.fromkeys(("http", "https", "rtmp", "rtmps", "srt", "tcp"), _TRANSPORT_STREAM),
    **dict.fromkeys(("rtp", "udp"), _DATAGRAMS),
}
_WEBCAMS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}")}


@dataclass(frozen=True)
class LiveAddress:
    """A live source as FFmpeg opens it.

    Attributes:
        shown: the source without name and password, for messages.
        kind: of the source. A network source comes back when it ends; the others do not, but a webcam may.
        target: what is opened.
        form: FFmpeg's name of the format; None: it finds out.
        options: of the container.
    """

    shown: str
    kind: LiveKind
    target: str = field(repr=False)
    form: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def reconnects(self) -> bool:
        """Whether the source is opened again when it ends."""
        return self.kind in ("network", "webcam")


def live_address(source: str) -> LiveAddress:
    """How a source is opened: the number of a webcam, an address, `-` for standard input, or a file.

    Raises:
        InputError: there is no such file, or no such kind of address.
    """
    if source == STDIN:
        return LiveAddress(source, "stdin", "pipe:0", None, _TRANSPORT_STREAM)
    if source.isdecimal() or source.startswith("/dev/video"):
        return _webcam(source)
    match = _SCHEME.match(source)
    if match is not None and not Path(source).exists():
        options = _SCHEMES.get(match[1].lower())
        if options is None:
            known = ", ".join(_SCHEMES)
            raise InputError(f"{_shown(source)} is no live source that is known", hint=f"they begin with {known}")
        return LiveAddress(_shown(source), "network", source, None, options)
    problem = problem_of(Path(source))
    if problem is not None:
        what, hint = problem
        raise InputError(what, hint=hint or "a live source is a webcam's number, an address, - or a file")
    return LiveAddress(source, "file", str(Path(source).absolute()))


def _webcam(source: str) -> LiveAddress:
    if sys.platform not in _WEBCAMS:
        raise InputError(f"webcams cannot be opened by number on {sys.platform}", hint="pipe the stream into -")
    form, name = _WEBCAMS[sys.platform]
    target = name.format(source) if source.isdecimal() else source
    return LiveAddress(f"webcam {source}" if source.isdecimal() else source, "webcam", target, form)


def _shown(source: str) -> str:
    return _USER.sub("", source)

"""Tell the kinds of inputs apart by what was typed."""

from __future__ import annotations

import os
import re
from typing import Literal
from urllib.parse import unquote

Kind = Literal["path", "stdin", "web", "remote", "live"]
STDIN = "-"
LIVE_SCHEMES = frozenset({"rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp"})
"""What comes from cameras and never ends."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)(?:://|::)", re.IGNORECASE)  # one letter is a drive
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_ODD = re.compile(r"[^\w.-]+")
_LONGEST = 80


def kind_of(text: str) -> Kind:
    """What an input is: a path, standard input, an address of the web, another file system's, or a live source."""
    if text == STDIN:
        return "stdin"
    match = _SCHEME.match(text)
    if match is None or os.path.lexists(text):
        return "path"
    scheme = match[1].lower()
    if scheme in LIVE_SCHEMES:
        return "live"
    if scheme in ("http", "https"):
        return "web"
    return "path" if scheme == "file" and "::" not in text else "remote"


def shown(text: str) -> str:
    """An address without the name and password in it, as messages and tables show it."""
    return _USER.sub("", text)


def file_name(text: str) -> str:
    """A name for the file that an address names: its last part, without what file systems do not take."""
    # In a chain such as zip://a.mp4::s3://bucket/a.zip the first link names the file.
    path = re.split(r"[?#]", text.partition("::")[0].partition("://")[2])[0]
    name = unquote(shown(f"://{path}").rstrip("/").rpartition("/")[2]).rpartition("/")[2]
    clean = _ODD.sub("_", name).lstrip(".")
    return clean[-_LONGEST:] or "video"

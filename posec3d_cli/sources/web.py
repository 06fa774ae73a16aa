"""Fetch a media file over http or https, unless the copy of the last time is what the server still has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from posec3d_cli.errors import InputError
from posec3d_cli.hub.http import ask, translated
from posec3d_cli.hub.partial import SourceFailed
from posec3d_cli.sources.cache import (
    Copy,
    FetchCallback,
    Origin,
    ReceivedCallback,
    SourceCache,
    too_large,
    write_limited,
)

if TYPE_CHECKING:
    import requests
_CHUNK = 1 << 16
_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html)", re.IGNORECASE | re.DOTALL)
_NOT_MODIFIED = 304


def fetch(
    url: str,
    name: str,
    cache: SourceCache,
    copy: Copy,
    limit: int,
    progress: FetchCallback,
    received: ReceivedCallback,
) -> None:
    """Fetch the content of a URL into the copy, if the copy is not of the version that the server has.

    A server that names no version (ETag) and no time of its last change is asked for the content each time.

    Args:
        url: an http: or https: URL.
        name: the URL as messages show it.
        cache: where it is written meanwhile.
        copy: the place of the copy.
        limit: bytes that are taken at most.
        progress: called when content is fetched.
        received: called while it comes.

    Raises:
        InputError: the server does not deliver the file, or it is no media file, or beyond the limit.
        OutputError: the cache cannot be written.
    """
    known = copy.origin()
    try:
        with translated(_host(name)):
            response = ask(url, _unless_changed(known))
        with response:
            if response.status_code == _NOT_MODIFIED and known is not None:
                return
            _check(response, name, limit)
            length = response.headers.get("Content-Length", "")
            progress(name, int(length) if length.isdecimal() else None)
            with cache.part() as part:
                size = write_limited(_chunks(response, name), part, limit, name, received)
                if size == 0:
                    raise InputError(f"{name}: the server answered with 0 bytes", hint="check the address")
                etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
                copy.store(part, Origin(name, copy.path.name, size, etag, modified))
    except SourceFailed as error:
        hint = "try again later" if known is None else "--offline reads the copy of the last time"
        raise InputError(f"{name} cannot be fetched: {error}", hint=hint) from error


def has_changed(url: str, name: str, copy: Copy) -> bool:
    """Whether a server has another version of a file than the copy; nothing is fetched.

    Where there is no copy: whether the server has the file. Of a server that names no version, or does not answer, no
    other version is known.
    """
    known = copy.origin()
    asked = _unless_changed(known)
    if known is not None and not asked:
        return False
    try:
        with translated(_host(name)), ask(url, asked) as response:
            version = (response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
            there = response.ok and response.status_code != _NOT_MODIFIED
            return there and (known is None or version != (known.etag, known.modified))
    except SourceFailed:
        return False


def _unless_changed(known: Origin | None) -> dict[str, str]:
    if known is None:
        return {}
    asked = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
    return {header: value for header, value in asked.items() if value}


def _check(response: requests.Response, name: str, limit: int) -> None:
    if not response.ok:
        raise InputError(
            f"{name}: the server answered {response.status_code} {response.reason}",
            hint="check the address in a browser" if response.status_code < 500 else "try again later",
        )
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "multipart/x-mixed-replace":
        raise InputError(f"{name} is a live stream ({kind}), not a file", hint=f"posec3d live {name}")
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large(name, limit, int(length))


def _chunks(response: requests.Response, name: str) -> Iterator[bytes]:
    import requests

    first = True
    try:
        for chunk in response.iter_content(_CHUNK):
            if first and _PAGE.match(chunk):
                raise InputError(
                    f"{name} is a web page, not a video",
                    hint="give the address of the media file itself, if it has one",
                )
            first = False
            yield chunk
    except requests.RequestException as error:
        raise SourceFailed(f"the download was interrupted ({type(error).__name__})") from error


def _host(name: str) -> str:
    return name.split("/")[2]

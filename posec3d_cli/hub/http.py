"""Downloads over http and https that go on where an earlier one was cut off.

`requests` does the transfer: HTTPS_PROXY, HTTP_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE mean what they always mean.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from posec3d_cli.hub.partial import Origin, SourceFailed

if TYPE_CHECKING:
    import requests
_CHUNK = 1 << 16
_TIMEOUT_SECONDS = 30
_STARTS_OVER = (206, 416)  # answers to a Range that may not fit


class Resumable(Protocol):
    """What a download is written to: it may hold the beginning already."""

    @property
    def origin(self) -> Origin | None:
        """Where the beginning came from; None where there is none."""
        ...

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        ...

    def begin(self, origin: Origin) -> None:
        """Hold nothing; what is written next comes from `origin`."""
        ...

    def write(self, chunk: bytes, /) -> int:
        """Take the next bytes."""
        ...


def download(url: str, sink: Resumable, *, vouched: bool = True) -> None:
    """Write what a URL names to `sink`, or the rest of it where the sink's beginning is of the same version.

    Args:
        url: begins with https: or http:.
        sink: takes the bytes.
        vouched: the content's hash is known; else an address that begins with https: must not lead to plain http.

    Raises:
        SourceFailed: the server did not deliver the whole file.
    """
    import requests

    origin = sink.origin
    if origin is not None and origin.length == sink.size:
        return
    host = urlsplit(url).netloc
    with _translated(host):
        response = _ask(url, {} if origin is None else _rest(origin, sink.size))
        if origin is not None and response.status_code in _STARTS_OVER and not _goes_on(response, origin, sink.size):
            response.close()
            response = _ask(url, {})
    with response:
        if not vouched and url.lower().startswith("https:") and not response.url.lower().startswith("https:"):
            raise SourceFailed(f"{host} leads to plain http, and no sha256 vouches for what that delivers")
        if not response.ok:
            raise SourceFailed(f"{host} answered {response.status_code} {response.reason}")
        if response.status_code != 206 or origin is None:
            sink.begin(_origin(url, response))
        try:
            for chunk in response.iter_content(_CHUNK):
                sink.write(chunk)
        except requests.RequestException as error:
            kept = f" after {sink.size} bytes; the next try goes on from there" if sink.size else ""
            raise SourceFailed(f"the download from {host} broke off{kept} ({type(error).__name__})") from error


def _ask(url: str, headers: dict[str, str]) -> requests.Response:
    import requests

    # Compressed on the way, the bytes would be counted otherwise.
    headers = {"Accept-Encoding": "identity", **headers}
    return requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS)


def _rest(origin: Origin, size: int) -> dict[str, str]:
    """The headers that ask for the rest, or for all of it if it is another version by now."""
    strong = "" if origin.etag.startswith("W/") else origin.etag
    same = strong or origin.modified
    return {"Range": f"bytes={size}-", **({"If-Range": same} if same else {})}


def _goes_on(response: requests.Response, origin: Origin, size: int) -> bool:
    """Whether an answer is the rest of the version that the first `size` bytes are of."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != size:
        return False
    length = None if found[2] == "*" else int(found[2])
    version = (response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
    return version == (origin.etag, origin.modified) and length == origin.length


def _origin(url: str, response: requests.Response) -> Origin:
    length = response.headers.get("Content-Length", "")
    return Origin(
        url=url,
        etag=response.headers.get("ETag", ""),
        modified=response.headers.get("Last-Modified", ""),
        length=int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None,
    )


@contextlib.contextmanager
def _translated(host: str) -> Iterator[None]:
    """What `requests` raises before there is an answer, as one line."""
    import requests

    try:
        yield
    except requests.exceptions.SSLError as error:
        raise SourceFailed(
            f"{host} shows a certificate that is not trusted here; REQUESTS_CA_BUNDLE names a file of those that are"
        ) from error
    except requests.exceptions.ProxyError as error:
        raise SourceFailed(f"{host} cannot be reached through the proxy that the environment names") from error
    except requests.Timeout as error:
        raise SourceFailed(f"{host} did not answer within {_TIMEOUT_SECONDS} s") from error
    except requests.ConnectionError as error:
        raise SourceFailed(f"{host} cannot be reached") from error
    except requests.RequestException as error:
        raise SourceFailed(f"{host} cannot be asked: {error}") from error

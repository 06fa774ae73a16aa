"""Downloads over http and https that resume an interrupted download.

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
_STARTS_OVER = (206, 416)  # responses to a Range that may not fit


class Resumable(Protocol):
    """The target of a download; it may hold the first bytes already."""

    @property
    def origin(self) -> Origin | None:
        """The origin of the bytes that it holds; None if there are none."""
        ...

    @property
    def size(self) -> int:
        """The number of bytes that it holds."""
        ...

    def begin(self, origin: Origin) -> None:
        """Start over, empty; the next bytes come from `origin`."""
        ...

    def write(self, chunk: bytes, /) -> int:
        """Append the next bytes."""
        ...


def download(url: str, sink: Resumable, *, vouched: bool = True) -> None:
    """Download a URL to `sink`, or only the rest if the sink holds the first bytes of the same version.

    Args:
        url: an https: or http: URL.
        sink: the target of the bytes.
        vouched: whether the content's hash is known; else an https: URL must not redirect to plain http.

    Raises:
        SourceFailed: the server did not deliver the whole file.
    """
    import requests

    origin = sink.origin
    if origin is not None and origin.length == sink.size:
        return
    host = urlsplit(url).netloc
    with translated(host):
        response = ask(url, {} if origin is None else _rest(origin, sink.size))
        if origin is not None and response.status_code in _STARTS_OVER and not _goes_on(response, origin, sink.size):
            response.close()
            response = ask(url, {})
    with response:
        if not vouched and url.lower().startswith("https:") and not response.url.lower().startswith("https:"):
            raise SourceFailed(f"{host} redirects to plain http, and the card states no sha256 to verify the content")
        if not response.ok:
            raise SourceFailed(f"{host} answered {response.status_code} {response.reason}")
        if response.status_code != 206 or origin is None:
            sink.begin(_origin(url, response))
        try:
            for chunk in response.iter_content(_CHUNK):
                sink.write(chunk)
        except requests.RequestException as error:
            kept = f" after {sink.size} bytes; the next try resumes there" if sink.size else ""
            raise SourceFailed(f"the download from {host} was interrupted{kept} ({type(error).__name__})") from error


def ask(url: str, headers: dict[str, str]) -> requests.Response:
    """The response to a request, its content not read yet; call it in `translated`."""
    import requests

    # Compressed on the way, the bytes would be counted otherwise.
    headers = {"Accept-Encoding": "identity", **headers}
    return requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS)


def _rest(origin: Origin, size: int) -> dict[str, str]:
    """The headers that request the rest, or all of the file if its version has changed."""
    strong = "" if origin.etag.startswith("W/") else origin.etag
    same = strong or origin.modified
    return {"Range": f"bytes={size}-", **({"If-Range": same} if same else {})}


def _goes_on(response: requests.Response, origin: Origin, size: int) -> bool:
    """Whether a response is the rest of the version of the first `size` bytes."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != size:
        return False
    length = None if match[2] == "*" else int(match[2])
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
def translated(host: str) -> Iterator[None]:
    """Turn exceptions of `requests` into `SourceFailed`."""
    import requests

    try:
        yield
    except requests.exceptions.SSLError as error:
        raise SourceFailed(
            f"{host} has a certificate that is not trusted here; REQUESTS_CA_BUNDLE names a file of trusted ones"
        ) from error
    except requests.exceptions.ProxyError as error:
        raise SourceFailed(f"{host} cannot be reached through the proxy that the environment names") from error
    except requests.Timeout as error:
        raise SourceFailed(f"{host} did not answer within {_TIMEOUT_SECONDS} s") from error
    except requests.ConnectionError as error:
        raise SourceFailed(f"{host} cannot be reached") from error
    except requests.RequestException as error:
        raise SourceFailed(f"the request to {host} failed: {error}") from error

"""A web server of this machine's own, which serves what a test gives it, whole, in part or badly."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Page:
    """What the server answers for one path.

    Attributes:
        body: the file.
        headers: such as ETag and Last-Modified.
        cut: close the connection after so many bytes of an answer; None sends all.
        stop: wait after these bytes, instead of closing, until the test is over.
        ranges: take `Range` for what it says.
        length: say how long the answer is.
        status: 200, or what goes wrong.
        to: another address, to which the one who asks is sent.
    """

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stop: bool = False
    ranges: bool = True
    length: bool = True
    status: int = 200
    to: str = ""


@dataclass(frozen=True)
class Asked:
    """One request: its path, and the headers that matter to a download."""

    path: str
    range: str | None
    if_range: str | None


class Web(http.server.ThreadingHTTPServer):
    """The server; `pages` by path may be changed while it runs, `asked` is what was asked for so far."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(Asked(self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        page = self.server.pages.get(self.path, Page(status=404))
        if page.to:
            self.send_response(302)
            self.send_header("Location", page.to)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if page.status != 200:
            return self.send_error(page.status)
        etag = page.headers.get("ETag")
        if etag is not None and self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            return self.end_headers()
        start = self._start(page)
        if start is not None and start >= len(page.body):
            return self.send_error(416)
        body = page.body[start or 0 :]
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        if page.length:
            self.send_header("Content-Length", str(len(body)))
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked has gone
            self.wfile.write(body[: page.cut])
            if page.stop:
                self.server.release.wait(20)

    def _start(self, page: Page) -> int | None:
        """Where the answer is to begin; None for all of it."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found and page.ranges and self._same(page) else None

    def _same(self, page: Page) -> bool:
        """Whether the version that the rest is asked of is this one."""
        condition = self.headers.get("If-Range")
        return condition is None or condition in (page.headers.get("ETag"), page.headers.get("Last-Modified"))

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[Web]:
    """A server that runs while the block does."""
    with Web() as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield web
        finally:
            web.release.set()
            web.shutdown()
            thread.join()

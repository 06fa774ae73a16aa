"""A page that shows a live run: annotated frames as motion JPEG, and what was told last."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any

import cv2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from posec3d_cli.live.answers import Alert, LiveAnswer, SourceStatus
from posec3d_cli.live.outputs import Quiet
from posec3d_cli.runtime.guard import App, Guard
from posec3d_cli.types import Pixels

MOST_WATCHERS = 8
SEND_SECONDS = 4.0
"""A browser that takes no frame for so long is sent no more."""
QUALITY = 80  # of the JPEG
_STATIC = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_BOUNDARY = "frame"
_ALERTS = 20  # that the page lists
_TURN = 0.02  # seconds between two looks for a new frame


class Page(Quiet):
    """Holds the newest frame, answer and status for the page. A frame is encoded once, and only if somebody looks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.watchers = 0
        self._lock = threading.Lock()
        self._jpeg, self._number = b"", 0
        self._answer: dict[str, Any] | None = None
        self._status: dict[str, Any] | None = None
        self._alerts: deque[dict[str, Any]] = deque(maxlen=_ALERTS)
        self._ended = False

    @property
    def wants_frames(self) -> bool:
        """Whether somebody looks at the page."""
        return self.watchers > 0

    def frame(self, pixels: Pixels, seconds: float) -> None:
        """Keep a frame in place of the one before."""
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        with self._lock:
            self._jpeg, self._number = jpeg.tobytes(), self._number + 1

    def answer(self, answer: LiveAnswer) -> None:
        """Keep an answer in place of the one before."""
        self._answer = answer.to_dict()

    def status(self, status: SourceStatus) -> None:
        """Keep the status in place of the one before."""
        self._status = status.to_dict()

    def alert(self, alert: Alert) -> None:
        """Keep an alert, besides the latest ones."""
        with self._lock:
            self._alerts.appendleft(alert.to_dict())

    def end(self) -> None:
        """End every stream, so that the server can."""
        self._ended = True

    def state(self) -> dict[str, Any]:
        """What the page shows beside the frames."""
        with self._lock:
            alerts = list(self._alerts)
        return {"source": self.name, "answer": self._answer, "status": self._status, "alerts": alerts}

    async def stream(self) -> AsyncIterator[bytes]:
        """Each new frame as a part of a motion JPEG; frames that come while one is sent are left out."""
        sent = 0
        while not self._ended:
            with self._lock:
                jpeg, number = self._jpeg, self._number
            if number == sent:
                await asyncio.sleep(_TURN)
                continue
            sent = number
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            yield head.encode() + jpeg + b"\r\n"


class _Stream(StreamingResponse):
    """A stream that ends when its reader takes nothing for `SEND_SECONDS`: nothing else would end it."""

    def __init__(self, page: Page) -> None:
        super().__init__(page.stream(), media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.headers["cache-control"] = "no-store"
        self._page = page

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def in_time(message: Any) -> None:
            await asyncio.wait_for(send(message), SEND_SECONDS)

        self._page.watchers += 1
        try:
            await super().__call__(scope, receive, in_time)
        except TimeoutError:
            return
        finally:
            self._page.watchers -= 1


def make_app(page: Page, token: str, port: int) -> App:
    """The application of the page.

    Args:
        page: what it shows.
        token: the secret in the address.
        port: where it will be served.
    """

    async def stream(request: Request) -> Response:
        if page.watchers >= MOST_WATCHERS:
            return Response(f"{MOST_WATCHERS} browsers look at this page already", 503)
        return _Stream(page)

    async def state(request: Request) -> Response:
        return JSONResponse(page.state(), headers={"cache-control": "no-store"})

    routes = [
        Route("/", _static("index.html")),
        Route("/page.css", _static("page.css")),
        Route("/page.js", _static("page.js")),
        Route("/stream", stream),
        Route("/state", state),
    ]
    return Guard(Starlette(routes=routes), token, port)


def _static(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        content = files(__package__).joinpath("static", name).read_bytes()
        return Response(content, media_type=_STATIC[name], headers={"cache-control": "no-cache"})

    return answer

"""The server of a review: the page, the answers that it asks for, and videos in ranges of bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from posec3d_cli.errors import InputError, OutputError, PoseC3DError
from posec3d_cli.review import overlay, views
from posec3d_cli.review.proxies import Proxies
from posec3d_cli.review.retraining import Retraining
from posec3d_cli.review.rows import ReviewRow, result_of
from posec3d_cli.review.session import ReviewSession
from posec3d_cli.runtime.guard import App, Guard
from posec3d_cli.video import proxy_size

STATIC = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""The types of the files of the page: systems differ in what they call a module."""
MOST_ROWS = 500
"""Of one answer."""


class NotFound(InputError):
    """The page asks for something that is not there."""


def make_app(session: ReviewSession, proxies: Proxies, retraining: Retraining, token: str, port: int) -> App:
    """The server's application.

    Args:
        session: of the review.
        proxies: where copies for browsers are kept.
        retraining: of a model on what was decided.
        token: the secret in the address.
        port: where it will be served.
    """
    api = _Api(session, proxies, retraining)
    routes = [
        Route("/", _static("index.html")),
        *(Route(f"/static/{name}", _static(name)) for name in page_files()),
        Route("/api/review", _answer(api.review)),
        Route("/api/list", _answer(api.list)),
        Route("/api/rows", _answer(api.rows)),
        Route("/api/rows/{row:int}", _answer(api.row)),
        Route("/api/rows/{row:int}/frames", _answer(api.frames)),
        Route("/api/rows/{row:int}/poses", _answer(api.poses)),
        Route("/api/rows/{row:int}/proxy", _answer(api.proxy)),
        Route("/api/rows/{row:int}/proxy", _answer(api.start_proxy), methods=["POST"]),
        Route("/api/rows/{row:int}/events", _answer(api.say), methods=["POST"]),
        Route("/api/rows/{row:int}/accept", _answer(api.accept_all), methods=["POST"]),
        Route("/api/undo", _answer(api.undo), methods=["POST"]),
        Route("/api/changes", _answer(api.changes)),
        Route("/api/confusion", _answer(api.confusion)),
        Route("/api/retraining", _answer(api.retrained)),
        Route("/api/retraining", _answer(api.retrain), methods=["POST"]),
        Route("/api/retraining/stop", _answer(api.stop_retraining), methods=["POST"]),
        Route("/media/{row:int}/{kind}", _answer(api.media)),
        Route("/truth.csv", _answer(api.truth)),
    ]
    return Guard(Starlette(routes=routes), token, port)


def page_files() -> list[str]:
    """The names of the files of the page."""
    return sorted(
        one.name for one in files(__package__).joinpath("static").iterdir() if Path(one.name).suffix in STATIC
    )


def _static(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        content = files(__package__).joinpath("static", name).read_bytes()
        return Response(content, media_type=STATIC[Path(name).suffix], headers={"cache-control": "no-cache"})

    return answer


def _answer(method: Callable[[Request, Any], Any]) -> Callable[[Request], Awaitable[Response]]:
    """A route of a method that runs in a thread, gets the JSON of a POST, and may fail as the library does."""

    async def answer(request: Request) -> Response:
        try:
            content = await request.json() if request.method == "POST" else None
        except ValueError:
            return JSONResponse({"error": "this is no JSON", "hint": ""}, 400)
        try:
            found = await run_in_threadpool(method, request, content)
        except PoseC3DError as error:
            status = 404 if isinstance(error, NotFound) else 500 if isinstance(error, OutputError) else 400
            return JSONResponse({"error": error.what, "hint": error.hint}, status)
        return found if isinstance(found, Response) else JSONResponse(found, headers={"cache-control": "no-store"})

    return answer


class _Api:
    """What the page can ask; every method runs in a thread."""

    def __init__(self, session: ReviewSession, proxies: Proxies, retraining: Retraining) -> None:
        self.session, self.proxies, self.retraining = session, proxies, retraining

    def review(self, request: Request, content: Any) -> dict[str, Any]:
        session = self.session
        first = {"source": str(session.source), "reviewer": session.reviewer, "has_truth": bool(session.ground_truth)}
        return {**first, "shows": views.SHOWS, "orders": views.ORDERS, **views.overview(session)}

    def list(self, request: Request, content: Any) -> dict[str, Any]:
        asked = request.query_params
        ids = views.listing(
            self.session,
            asked.get("order", "uncertain"),
            asked.get("show", "all"),
            asked.get("label", ""),
            asked.get("query", ""),
        )
        return {"ids": ids}

    def rows(self, request: Request, content: Any) -> dict[str, Any]:
        ids = [_number(text) for text in request.query_params.get("ids", "").split(",") if text][:MOST_ROWS]
        return {"rows": [views.summary(self.session, self._row(number)) for number in ids]}

    def row(self, request: Request, content: Any) -> dict[str, Any]:
        row = self._row_of(request)
        return {
            **views.summary(self.session, row),
            "error": row.error,
            "guess": row.guess,
            "others": row.others,
            "file": None if row.path is None else str(row.path),
            "result": result_of(self.session.source, row),
            **views.said(self.session, row),
        }

    def frames(self, request: Request, content: Any) -> dict[str, Any]:
        row = self._row_of(request)
        times = self.session.times(row)
        found: dict[str, Any] = {
            "width": times.width,
            "height": times.height,
            "start": times.start,
            "duration": times.duration,
            "seconds": [round(value, 6) for value in times.seconds.tolist()],
            "obstacle": times.obstacle,
            "video": bool(times.media_type),
            "proxy_size": proxy_size(times),
            "poses": None,
            "no_poses": "",
        }
        try:
            if self.session.pose_file(row) is not None:
                found["no_poses"] = self.session.poses_misfit(row)
                if not found["no_poses"]:
                    found["poses"] = overlay.outline(self.session.poses(row))
        except PoseC3DError as error:
            found["no_poses"] = error.what
        return found

    def poses(self, request: Request, content: Any) -> dict[str, Any]:
        row = self._row_of(request)
        start = _number(request.query_params.get("start", "0"))
        if self.session.pose_file(row) is None or self.session.poses_misfit(row):
            raise NotFound(f"{row.name} has no poses that fit its video")
        return overlay.poses_for_page(self.session.poses(row), start, start + overlay.MOST_FRAMES)

    def proxy(self, request: Request, content: Any) -> dict[str, Any]:
        row = self._row_of(request)
        state = None if row.path is None else self.proxies.state(row.path)
        if state is None:
            raise NotFound(f"nobody asked for a copy of {row.name}")
        return {"done": state.done, "total": state.total, "ready": state.path is not None, "error": state.error}

    def start_proxy(self, request: Request, content: Any) -> dict[str, Any]:
        times = self.session.times(self._row_of(request))
        if not times.media_type:
            raise InputError("a pose file has no images")
        self.proxies.start(times)
        return self.proxy(request, content)

    def say(self, request: Request, content: Any) -> dict[str, Any]:
        row = self._row_of(request)
        event = self.session.say(row, content)
        return {"event": event.id, **self._after(row)}

    def accept_all(self, request: Request, content: Any) -> dict[str, Any]:
        row = self._row_of(request)
        events, waiting = self.session.accept_all(row)
        return {"accepted": len(events), "waiting": waiting, **self._after(row)}

    def undo(self, request: Request, content: Any) -> dict[str, Any]:
        event = self.session.undo()
        if event is None:
            return {"undone": None, "review": views.overview(self.session)}
        place = self.session.row_of(event)
        undone = {"name": event.video, "row": place, "kind": type(event.said).__name__}
        after = {"review": views.overview(self.session)} if place is None else self._after(self._row(place))
        return {"undone": undone, **after}

    def changes(self, request: Request, content: Any) -> dict[str, Any]:
        newest, places = self.session.changed_since(_number(request.query_params.get("since", "0")))
        if not places:
            return {"last": newest, "rows": []}
        rows = [views.summary(self.session, self._row(place)) for place in sorted(places)]
        return {"last": newest, "rows": rows, "review": views.overview(self.session)}

    def confusion(self, request: Request, content: Any) -> dict[str, Any]:
        counts = views.confusion(self.session)
        return {"cells": [[truth, predicted, count] for (truth, predicted), count in sorted(counts.items())]}

    def retrained(self, request: Request, content: Any) -> dict[str, Any]:
        state = self.retraining.state
        return {
            "stage": state.stage,
            "running": state.running,
            "model": None if state.model is None else str(state.model),
            "table": None if state.table is None else str(state.table),
            "curve": [[one.epoch, one.epochs, one.loss, one.top1] for one in state.curve],
            "lines": [*state.lines],
            "error": state.error,
        }

    def retrain(self, request: Request, content: Any) -> dict[str, Any]:
        self.retraining.start()
        return self.retrained(request, content)

    def stop_retraining(self, request: Request, content: Any) -> dict[str, Any]:
        self.retraining.stop()
        return self.retrained(request, content)

    def media(self, request: Request, content: Any) -> Response:
        row = self._row_of(request)
        kind = request.path_params["kind"]
        if kind == "original":
            times = self.session.times(row)
            if not times.obstacle:
                return FileResponse(times.path, media_type=times.media_type, headers={"cache-control": "no-cache"})
        elif kind == "proxy" and row.path is not None:
            state = self.proxies.state(row.path)
            if state is not None and state.path is not None:
                return FileResponse(state.path, media_type="video/mp4", headers={"cache-control": "no-cache"})
        raise NotFound(f"there is no {kind} of {row.name} that a browser plays")

    def truth(self, request: Request, content: Any) -> Response:
        if not self.session.truth_file.exists():
            raise NotFound("nothing is decided yet")
        disposition = {"content-disposition": 'attachment; filename="truth.csv"', "cache-control": "no-store"}
        return Response(self.session.truth_file.read_bytes(), media_type="text/csv", headers=disposition)

    def _after(self, row: ReviewRow) -> dict[str, Any]:
        """What a page has to show anew after an event of a row."""
        summary = views.summary(self.session, row)
        return {"row": summary, "said": views.said(self.session, row), "review": views.overview(self.session)}

    def _row_of(self, request: Request) -> ReviewRow:
        return self._row(request.path_params["row"])

    def _row(self, number: int) -> ReviewRow:
        if number >= len(self.session.rows):
            raise NotFound(f"there is no row {number}")
        return self.session.row(number)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(f"{text!r} is no number")
    return int(text)

"""Who may ask a server of this machine: whoever knows the token, from this machine, through the page itself."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# A page of its own, as a redirect after a click on a foreign page would lose a Strict cookie.
_ENTRANCE = b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>posec3d</title>'


class Guard:
    """Lets through what a browser with the right cookie asks on the page's own address.

    `GET /?token=TOKEN` gives the cookie; everything else without it is refused. A name that resolves to this machine
    (DNS rebinding) is known by its Host, a request of a foreign page by its Origin and by Sec-Fetch-Site.

    Args:
        app: what is guarded.
        token: the secret in the address.
        port: of the server; cookies know no ports, so its name has it.
    """

    def __init__(self, app: App, token: str, port: int) -> None:
        self.app, self.token, self.port = app, token, port
        self.cookie = f"posec3d_{port}"
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status, text = self._refusal(scope, headers)
        if status:
            await _answer(send, status, text.encode(), b"text/plain; charset=utf-8")
        elif self._entering(scope):
            cookie = f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(send, 200, _ENTRANCE, b"text/html; charset=utf-8", (b"set-cookie", cookie.encode()))
        else:
            await self.app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Message, headers: dict[str, str]) -> tuple[int, str]:
        """The status and the reason of a refusal; status 0 where there is none."""
        if headers.get("host", "") not in self.hosts:
            return 421, "this server answers for 127.0.0.1 only"
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return 403, "a foreign page may not ask this server"
        arriving = scope["method"] == "GET" and scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not arriving:
            return 403, "a foreign page may not ask this server"
        if (
            scope["method"] not in ("GET", "HEAD")
            and headers.get("content-type", "").split(";")[0] != "application/json"
        ):
            return 415, "changes are sent as application/json"
        if not self._entering(scope) and not self._same(self._cookie_of(headers)):
            return 403, "open the address that posec3d printed: it holds a token"
        return 0, ""

    def _entering(self, scope: Message) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return scope["method"] == "GET" and scope["path"] == "/" and len(given) == 1 and self._same(given[0])

    def _cookie_of(self, headers: dict[str, str]) -> str:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def _same(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS]
        await send(message)

    return sending


async def _answer(send: Send, status: int, body: bytes, kind: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    own = [(b"content-type", kind), length, (b"cache-control", b"no-store"), *_HEADERS, *headers]
    await send({"type": "http.response.start", "status": status, "headers": own})
    await send({"type": "http.response.body", "body": body})

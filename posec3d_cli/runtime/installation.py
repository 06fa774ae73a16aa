"""How this program was installed, and how an extra is added to it: the package need not be on an index.

pip notes down where it took a package from, unless that was an index (`direct_url.json`, PEP 610).
"""

from __future__ import annotations

import json
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

PACKAGE = "posec3d-cli"
CHECKOUT = Path(__file__).resolve().parents[2]


def how_to_add(extra: str) -> str:
    """The command that installs an extra of this program where it came from, ready to be pasted into a shell.

    Where the folder or file that it came from is gone, the command names the packages of the extra.
    """
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:  # it runs out of a checkout
        return _pip(f"{CHECKOUT}[{extra}]")
    origin = _origin(package)
    if origin is None:
        return _pip(f"{PACKAGE}[{extra}]")
    url = str(origin.get("url", ""))
    place = Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None
    if place is not None and not place.exists():
        return _pip(*_packages(package, extra))
    if place is not None and "dir_info" in origin:
        return _pip(f"{place}[{extra}]", editable=bool(origin["dir_info"].get("editable")))
    version = origin.get("vcs_info")
    if version:
        revision = version.get("requested_revision") or version.get("commit_id", "")
        url = f"{version.get('vcs', 'git')}+{url}" + (f"@{revision}" if revision else "")
    return _pip(f"{PACKAGE}[{extra}] @ {url}")


def _origin(package: metadata.Distribution) -> dict[str, Any] | None:
    """The origin that pip recorded; None if the package came from an index."""
    try:
        origin = json.loads(package.read_text("direct_url.json") or "null")
    except ValueError:
        return None
    return origin if isinstance(origin, dict) and origin.get("url") else None


def _packages(package: metadata.Distribution, extra: str) -> list[str]:
    """The requirements of an extra, with versions and without conditions."""
    named = (re.fullmatch(rf"([^;]+);.*\bextra == ['\"]{extra}['\"].*", line) for line in package.requires or [])
    return [found[1].strip() for found in named if found is not None]


def _pip(*what: str, editable: bool = False) -> str:
    return " ".join(["pip install", *(["-e"] if editable else []), *map(_quoted, what)])


def _quoted(text: str) -> str:
    """In double quotes, which every shell knows, where these are enough."""
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'

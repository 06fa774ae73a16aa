from pathlib import Path

import pytest

from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import BadCard, UnknownModel
from posec3d_cli.hub import catalog
from posec3d_cli.hub.catalog import list_cards, list_pipelines, load_card, load_pipeline, models_folder
from posec3d_cli.hub.sources import parse_source
from posec3d_cli.registry import STAGES

CARD = """
kind = "pose"
stage = "movenet"
summary = "a test"
licence = "Apache-2.0"
data_terms = "none"

[recipe]
input_size = 256
mean = [0.5, 0.5]
nested = { sigma = 0.6 }

[[files]]
name = "weights"
sha256 = "%s"
size = 3
sources = ["file:weights.bin", "https://host.example/weights.bin"]
""" % ("ab" * 32)


def write_card(folder: Path, text: str = CARD, labels: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.toml").write_text(text)
    if labels is not None:
        (folder / "labels.txt").write_text(labels)
    return folder


def test_a_card_holds_what_its_file_says(tmp_path):
    card = load_card(write_card(tmp_path / "mine", labels="walk\njump rope\n"))
    assert (card.name, card.kind, card.stage, card.licence) == ("mine", "pose", "movenet", "Apache-2.0")
    assert card.recipe == {"input_size": 256, "mean": [0.5, 0.5], "nested": {"sigma": 0.6}}
    assert card.labels == ("walk", "jump rope")
    assert card.folder == (tmp_path / "mine").resolve()
    assert card.verified is False
    [file] = card.files
    assert (file.name, file.size, file.filename) == ("weights", 3, "weights.bin")
    assert file.sources == ("file:weights.bin", "https://host.example/weights.bin")


def test_a_card_is_found_by_folder_by_file_and_by_text(tmp_path):
    folder = write_card(tmp_path / "mine")
    for place in (folder, str(folder), folder / "model.toml", str(folder / "model.toml")):
        assert load_card(place).name == "mine"


def test_a_name_of_models_wins_over_a_folder_in_the_working_directory(tmp_path, monkeypatch):
    write_card(tmp_path / "movenet-thunder")
    monkeypatch.chdir(tmp_path)
    assert load_card("movenet-thunder").folder == models_folder() / "movenet-thunder"
    assert load_card("./movenet-thunder").folder == tmp_path / "movenet-thunder"


def test_a_card_without_files_recipe_and_labels_has_empty_ones():
    card = load_card("whole-frame")
    assert (card.files, card.recipe, card.labels) == ((), {}, ())


def test_an_unknown_model_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownModel, match="no detector is called 'whole'") as caught:
        load_card("whole", "detector")
    assert "did you mean 'whole-frame'?" in caught.value.hint


def test_a_model_of_another_kind_is_refused_with_those_that_fit():
    with pytest.raises(UnknownModel, match="'movenet-thunder' is a model of kind pose, not detector") as caught:
        load_card("movenet-thunder", "detector")
    assert "efficientdet-lite2" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('stage = "movenet"', "", "stage is missing"),
        ('stage = "movenet"', 'stage = ""', "stage must be a text that is not empty, got ''"),
        ('kind = "pose"', 'kind = "poses"', "kind must be one of classifier, detector, pose, got 'poses'"),
        ('licence = "Apache-2.0"', "licence = 2", "licence must be a text that is not empty, got 2"),
        ('summary = "a test"', 'summary = "a test"\nsumary = "b"', "unknown key sumary = 'b'"),
        ('summary = "a test"', 'summary = "a test"\nverified = "yes"', "verified must be true or false, got 'yes'"),
        ("[recipe]", "[recipes]", "unknown key recipes"),
        ("size = 3", "size = true", r"files\[0\].size must be a number of bytes above 0, got True"),
        ("size = 3", "size = 0", r"files\[0\].size must be a number of bytes above 0, got 0"),
        ("size = 3", "size = 3\nsha1 = 'x'", r"unknown key files\[0\].sha1 = 'x'"),
        ("ab" * 32, "AB" * 32, r"files\[0\].sha256 must be 64 lower-case hexadecimal digits, got 'AB"),
        (
            '"file:weights.bin", "https://host.example/weights.bin"',
            "",
            r"sources must be a list of sources, at least one, got \[\]",
        ),
        ("file:weights.bin", "../weights.bin", r"sources holds '../weights.bin': a source begins with"),
        ("file:weights.bin", "npm:x/y", "sources holds 'npm:x/y': not of the form npm:"),
        ("[[files]]", "[files]", "files must be a list of tables"),
        ("[recipe]", "[recipe", "not valid TOML"),
    ],
)
def test_a_bad_card_names_the_key_and_the_value(tmp_path, old, new, complaint):
    assert old in CARD
    folder = write_card(tmp_path / "mine", CARD.replace(old, new))
    with pytest.raises(BadCard, match=complaint) as caught:
        load_card(folder)
    assert str(folder / "model.toml") in caught.value.what


UNKNOWN = CARD.replace(f'sha256 = "{"ab" * 32}"\nsize = 3\n', "")


@pytest.mark.parametrize("prefix", ["", "3", "38db104b", "a" * 63])
def test_a_card_need_not_know_a_file_that_nobody_has_seen(tmp_path, prefix):
    line = f'sha256_prefix = "{prefix}"\n' if prefix else ""
    [file] = load_card(write_card(tmp_path / "mine", UNKNOWN.replace("sources", f"{line}sources"))).files
    assert (file.sha256, file.size, file.sha256_prefix) == ("", None, prefix)


@pytest.mark.parametrize("line", ["", "sha256_prefix = '38db104b'\n"])
def test_plain_http_needs_a_sha256(tmp_path, line):
    url = "http://host.example/w.bin"
    text = UNKNOWN.replace("sources", f"{line}sources").replace("file:weights.bin", f'https://a.example/w.bin", "{url}')
    with pytest.raises(BadCard, match=rf"files\[0\].sources holds '{url}', but plain http needs a sha256") as caught:
        load_card(write_card(tmp_path / "mine", text))
    assert "https" in caught.value.hint
    known = load_card(write_card(tmp_path / "known", CARD.replace("file:weights.bin", url)))
    assert url in known.files[0].sources


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("sha256_prefix = ''", r"files\[0\].sha256_prefix must be 1 to 63 lower-case hexadecimal digits, got ''"),
        ("sha256_prefix = '38DB'", r"sha256_prefix must be 1 to 63 lower-case hexadecimal digits, got '38DB'"),
        (f"sha256_prefix = '{'a' * 64}'", "sha256_prefix must be 1 to 63"),
        ("size = 3", r"files\[0\].sha256 is missing, and size is there"),
        (f"sha256 = '{'a' * 64}'", r"files\[0\].size is missing, and sha256 is there"),
        (
            f"sha256 = '{'a' * 64}'\nsize = 3\nsha256_prefix = 'aa'",
            "sha256_prefix is not allowed beside sha256",
        ),
    ],
)
def test_half_of_what_is_to_be_known_of_a_file_is_refused(tmp_path, line, complaint):
    with pytest.raises(BadCard, match=complaint):
        load_card(write_card(tmp_path / "mine", UNKNOWN.replace("sources", f"{line}\nsources")))


def test_a_model_with_a_file_that_nobody_has_seen_is_not_verified(tmp_path):
    text = UNKNOWN.replace('summary = "a test"', 'summary = "a test"\nverified = true')
    with pytest.raises(BadCard, match="cannot be verified while the sha256 of weights is not known"):
        load_card(write_card(tmp_path / "mine", text))


def test_a_card_that_names_two_files_alike_is_refused(tmp_path):
    twice = CARD + CARD[CARD.index("[[files]]") :]
    with pytest.raises(BadCard, match="two files have the same name"):
        load_card(write_card(tmp_path / "mine", twice))


def test_labels_are_not_empty(tmp_path):
    with pytest.raises(BadCard, match="line 2 is empty"):
        load_card(write_card(tmp_path / "mine", labels="a\n\nb\n"))


def test_a_label_may_stand_for_several_outputs(tmp_path):
    card = load_card(write_card(tmp_path / "mine", labels="b\nunknown\na\nunknown\nb\n"))
    assert card.labels == ("b", "unknown", "a", "unknown", "b")
    assert card.distinct_labels == ("b", "unknown", "a")


def test_a_card_may_name_a_shared_list_of_labels(tmp_path):
    card = load_card(write_card(tmp_path / "mine", 'labels = "hmdb51"\n' + CARD))
    assert (len(card.labels), card.labels[0], card.labels[-1]) == (51, "brush_hair", "wave")


def test_a_shared_list_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    folder = write_card(tmp_path / "mine", 'labels = "../labels/hmdb51"\n' + CARD)
    with pytest.raises(BadCard, match=r"labels must be one of diving48, gym99, .*, got '../labels/hmdb51'"):
        load_card(folder)


def test_a_card_with_labels_of_its_own_names_no_shared_list(tmp_path):
    folder = write_card(tmp_path / "mine", 'labels = "hmdb51"\n' + CARD, labels="walk\n")
    with pytest.raises(BadCard, match=r"there is a labels.txt too"):
        load_card(folder)


def test_every_shipped_card_is_sound():
    cards = list_cards()
    assert {"efficientdet-lite0", "efficientdet-lite2", "movenet-lightning", "movenet-thunder", "whole-frame"} <= {
        card.name for card in cards
    }
    assert [card.name for card in cards] == sorted(card.name for card in cards)
    for card in cards:
        assert card.kind in STAGES
        assert (card.folder / "README.md").read_text().startswith("# ")
        assert all(parse_source(text) for file in card.files for text in file.sources)


def test_cards_are_listed_by_kind():
    assert {card.kind for card in list_cards("pose")} == {"pose"}


def test_the_default_pipeline_names_the_models_of_its_stages():
    pipeline = load_pipeline(DEFAULT_PIPELINE)
    assert (pipeline.detector, pipeline.pose, pipeline.classifier) == (
        "efficientdet-lite2",
        "movenet-thunder",
        "posec3d-daily+posec3d-daily-bone+posec3d-daily-lightning",
    )
    assert pipeline in list_pipelines()


@pytest.mark.parametrize("name", ["lihgt", "../pipelines/light", ""])
def test_an_unknown_pipeline_is_answered_with_those_there_are(name):
    with pytest.raises(UnknownModel, match="no pipeline is called") as caught:
        load_pipeline(name)
    assert "light" in caught.value.hint


def test_the_cards_are_looked_for_in_the_package_first_and_then_beside_it(tmp_path, monkeypatch):
    package = tmp_path / "posec3d_cli"
    package.mkdir()
    monkeypatch.setattr(catalog, "__file__", str(package / "hub" / "catalog.py"))
    with pytest.raises(UnknownModel, match="model cards are missing"):
        models_folder()
    (tmp_path / "models").mkdir()
    assert models_folder() == tmp_path / "models"
    (package / "models").mkdir()
    assert models_folder() == package / "models"

"""Files of which the card does not know the hash: checked as far as it is known, recorded, and held to that."""

import hashlib
from pathlib import Path

import pytest
import web_factory
from web_factory import Page

from posec3d_cli.errors import WeightsCorrupt, WeightsMissing
from posec3d_cli.hub.cards import ModelCard, WeightFile
from posec3d_cli.hub.checksums import recorded_checksum_path
from posec3d_cli.hub.weights import cached_path, expected, fetch, hashes, locate

pytestmark = pytest.mark.usefixtures("home")
BODY = b"the first weights" * 1000
OTHER = b"others" * 5000
SHA256 = hashlib.sha256(BODY).hexdigest()
PREFIX = SHA256[:8]


@pytest.fixture
def web():
    with web_factory.serving() as running:
        running.pages["/w.pth"] = Page(BODY)
        yield running


def card_of(*sources: str, prefix: str = "", folder: Path = Path("nowhere")) -> ModelCard:
    file = WeightFile("weights", sources=sources, sha256_prefix=prefix)
    return ModelCard("mine", "pose", "movenet", "s", "l", "d", (file,), {}, (), folder, False)


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_the_first_download_is_recorded_which_is_said_once(web, home, prefix, caplog):
    card, steps = card_of(f"{web.url}/w.pth", prefix=prefix), []
    assert hashes(card) == {"weights": ""}
    [path] = fetch(card, progress=lambda *step: steps.append(step)).values()
    assert path.read_bytes() == BODY
    assert path.name == hashlib.sha256(card.files[0].sources[0].encode()).hexdigest()[:16] + "-w.pth"
    assert recorded_checksum_path(path).read_text() == f"{SHA256} {len(BODY)}\n"
    assert hashes(card) == {"weights": SHA256}
    assert expected(card, card.files[0]).size == len(BODY)
    assert locate(card, card.files[0]) == path
    assert fetch(card, offline=True) == {"weights": path}
    [note] = caplog.messages
    assert SHA256 in note
    assert steps[-1][:2] == ("w.pth", len(BODY))
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name, recorded_checksum_path(path).name]


def test_a_download_that_does_not_begin_as_the_card_says_is_refused_and_not_recorded(web):
    card = card_of(f"{web.url}/w.pth", prefix="0123")
    with pytest.raises(WeightsCorrupt, match=r"expected 0123…") as caught:
        fetch(card)
    assert SHA256 in caught.value.what
    assert "sha256 beginning with 0123" in caught.value.hint
    assert list(cached_path(card.files[0]).parent.iterdir()) == []


def test_a_mirror_with_another_file_is_passed_over(web):
    web.pages["/bad.pth"] = Page(OTHER)
    card = card_of(f"{web.url}/bad.pth", f"{web.url}/w.pth", prefix=PREFIX)
    assert fetch(card)["weights"].read_bytes() == BODY
    assert hashes(card) == {"weights": SHA256}


def test_a_file_put_there_by_hand_is_checked_and_recorded(home):
    card = card_of("https://host.example/w.pth", prefix=PREFIX)
    path = cached_path(card.files[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER)
    with pytest.raises(WeightsCorrupt, match=f"expected {PREFIX}…"):
        fetch(card, offline=True)
    assert not recorded_checksum_path(path).exists()
    path.write_bytes(BODY)
    assert fetch(card, offline=True) == {"weights": path}
    assert hashes(card) == {"weights": SHA256}


def test_a_file_that_changed_is_refused_with_both_hashes_and_what_to_do(web):
    card = card_of(f"{web.url}/w.pth")
    path = fetch(card)["weights"]
    path.write_bytes(OTHER)
    web.pages["/w.pth"] = Page(OTHER)
    with pytest.raises(WeightsCorrupt, match="has the wrong sha256") as caught:
        fetch(card)
    assert caught.value.what.count(SHA256) == caught.value.what.count(hashlib.sha256(OTHER).hexdigest()) == 2
    assert f"recorded in {recorded_checksum_path(path)}" in caught.value.what
    assert f"delete {recorded_checksum_path(path)}" in caught.value.hint
    web.pages["/w.pth"] = Page(BODY)
    assert fetch(card)["weights"].read_bytes() == BODY


def test_without_its_pin_the_new_file_of_the_publisher_is_trusted(web):
    card = card_of(f"{web.url}/w.pth")
    path = fetch(card)["weights"]
    web.pages["/w.pth"] = Page(OTHER)
    path.unlink()
    with pytest.raises(WeightsCorrupt):
        fetch(card)
    recorded_checksum_path(path).unlink()
    assert fetch(card)["weights"].read_bytes() == OTHER
    assert hashes(card) == {"weights": hashlib.sha256(OTHER).hexdigest()}


def test_a_file_beside_the_card_is_recorded_in_the_cache(tmp_path, home):
    card = card_of("file:w.pth", folder=tmp_path)
    (tmp_path / "w.pth").write_bytes(BODY)
    assert fetch(card) == {"weights": tmp_path / "w.pth"}
    assert recorded_checksum_path(cached_path(card.files[0])).is_file()
    assert not recorded_checksum_path(tmp_path / "w.pth").exists()
    (tmp_path / "w.pth").write_bytes(OTHER)
    with pytest.raises(WeightsCorrupt, match=SHA256):
        fetch(card)


def test_a_bundle_takes_the_pin_along(web, tmp_path, monkeypatch, caplog):
    card = card_of(f"{web.url}/w.pth")
    fetch(card)
    caplog.clear()
    bundle = tmp_path / "bundle"
    copy = fetch(card, home=bundle, offline=True)["weights"]
    assert recorded_checksum_path(copy).read_text() == f"{SHA256} {len(BODY)}\n"
    assert caplog.messages == []
    monkeypatch.setenv("POSEC3D_HOME", str(bundle))
    copy.write_bytes(OTHER)
    with pytest.raises(WeightsCorrupt, match=SHA256):
        fetch(card, offline=True)


def test_a_file_that_nobody_delivers_is_asked_for_by_what_is_known(home):
    with pytest.raises(WeightsMissing, match="is missing and no source delivers it") as caught:
        fetch(card_of("https://host.example/w.pth", prefix="0123"), offline=True)
    assert caught.value.what.startswith("w.pth of the model 'mine'")
    assert "put the file with sha256 beginning with 0123 at" in caught.value.hint
    with pytest.raises(WeightsMissing) as caught:
        fetch(card_of("https://host.example/w.pth"), offline=True)
    assert f"put the file at {home / 'weights'}" in caught.value.hint

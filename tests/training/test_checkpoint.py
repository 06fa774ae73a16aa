"""Where a training stands, on the disk."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from posec3d_cli.errors import BadDataset, OutputError, OutputExists
from posec3d_cli.training.checkpoint import FILE, check_folder, check_settings, load_checkpoint, save_checkpoint

STATE = {"settings": {"seed": 0}, "history": [{"loss": 0.5}], "loop": {"network": {"a": torch.ones(2)}}}


def test_what_was_saved_is_loaded(tmp_path):
    save_checkpoint(tmp_path, STATE)
    save_checkpoint(tmp_path, STATE | {"history": []})
    found = load_checkpoint(tmp_path)
    assert found["history"] == []
    assert torch.equal(found["loop"]["network"]["a"], torch.ones(2))
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_folder_without_a_state_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="holds no checkpoint to resume from"):
        load_checkpoint(tmp_path)
    with pytest.raises(OutputError, match=r"checkpoint\.pt: there is no folder"):
        save_checkpoint(tmp_path / "none", STATE)


def test_a_folder_is_looked_at_before_anything_is_done(tmp_path):
    check_folder(tmp_path / "none")
    check_folder(tmp_path)
    with pytest.raises(BadDataset, match="holds no checkpoint to resume from"):
        check_folder(tmp_path, resume=True)
    for name in (FILE, "model.toml"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_bytes(b"")
        with pytest.raises(OutputExists, match="already holds a training"):
            check_folder(folder)
        check_folder(folder, overwrite=True)
    save_checkpoint(tmp_path, STATE)
    check_folder(tmp_path, resume=True)


def test_what_a_training_would_write_over_is_named(tmp_path):
    (tmp_path / "labels.txt").write_text("mine")
    check_folder(tmp_path)
    with pytest.raises(OutputExists, match=r"holds labels\.txt, which a training would overwrite"):
        check_folder(tmp_path, written=["weights.safetensors", "labels.txt"])
    check_folder(tmp_path, written=["labels.txt"], overwrite=True)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "in" / "it"):
        with pytest.raises(OutputError, match="file is a file"):
            check_folder(folder, overwrite=True)


def test_a_folder_is_tried_and_nothing_stays_of_it(tmp_path):
    check_folder(tmp_path / "some" / "where")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        check_folder(tmp_path / ("long" * 100))
    with pytest.raises(OutputError, match="cannot be written"):
        check_folder(Path("/proc/model"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind"), [("model.toml", "folder"), ("weights.safetensors", "folder"), ("logs", "file")]
)
def test_a_folder_in_the_place_of_a_file_is_refused_whatever_is_asked(tmp_path, name, kind):
    (tmp_path / name).mkdir() if kind == "folder" else (tmp_path / name).touch()
    with pytest.raises(OutputError, match=f"{name} is a {kind}, and a training writes it"):
        check_folder(tmp_path, written=["weights.safetensors", "logs"], overwrite=True)


class Harmful:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps({"settings": 1}, protocol=2)])
def test_a_damaged_state_is_refused(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(BadDataset, match=r"checkpoint\.pt cannot be read"):
        load_checkpoint(tmp_path)


def test_a_state_that_is_cut_off_is_refused(tmp_path):
    save_checkpoint(tmp_path, STATE)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadDataset, match=r"checkpoint\.pt cannot be read"):
        load_checkpoint(tmp_path)


def test_nothing_in_a_state_is_executed(tmp_path, capsys):
    torch.save({"settings": Harmful()}, tmp_path / FILE)
    with pytest.raises(BadDataset, match=r"checkpoint\.pt cannot be read"):
        load_checkpoint(tmp_path)
    assert "executed" not in capsys.readouterr().out


def test_other_things_are_not_a_state(tmp_path):
    torch.save([1, 2], tmp_path / FILE)
    with pytest.raises(BadDataset, match="is not a training checkpoint"):
        load_checkpoint(tmp_path)


def test_other_settings_are_named_with_both_values():
    check_settings({"seed": 0, "size": 28}, {"size": 28, "seed": 0})
    with pytest.raises(BadDataset, match="another size: 28, now it is 40"):
        check_settings({"seed": 0, "size": 28}, {"seed": 0, "size": 40})

"""What a checkpoint may hold beside its tensors."""

from __future__ import annotations

import pickle
from collections import deque

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from posec3d_cli.errors import WeightsCorrupt, WeightsMismatch, WeightsMissing
from posec3d_cli.nets.checkpoints import load_state_dict
from posec3d_cli.stages.openmmlab.models import load_strictly

TENSORS = {"backbone.weight": torch.arange(6.0).reshape(2, 3)}


def saved(path, **beside):
    torch.save({"state_dict": TENSORS, **beside}, path)
    return path


def loads(path):
    return torch.equal(load_state_dict(path)["backbone.weight"], TENSORS["backbone.weight"])


def test_plain_checkpoints_and_safetensors_are_read(tmp_path):
    assert loads(saved(tmp_path / "plain.pth"))
    save_file(TENSORS, tmp_path / "w.safetensors")
    assert loads(tmp_path / "w.safetensors")


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.uint8, np.bool_])
def test_arrays_of_numbers_beside_the_tensors_do_no_harm(tmp_path, kind):
    meta = {"dataset_meta": {"sigmas": np.zeros(17, kind), "flip_pairs": [(1, 2)]}}
    assert loads(saved(tmp_path / "w.pth", meta=meta))


def test_arrays_that_an_older_numpy_wrote_do_no_harm(tmp_path):
    path = saved(tmp_path / "new.pth", meta={"sigmas": np.zeros(17, np.float32)})
    old = tmp_path / "old.pth"
    with torch.serialization.safe_globals([]):
        rename(path, old, b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert loads(old)


def rename(source, target, one, other):
    """Another name in the pickle of a torch file, which is a zip."""
    import zipfile

    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for name in whole.namelist():
            content = whole.read(name)
            if name.endswith("data.pkl"):
                assert one in content
                content = content.replace(one, other)
            copy.writestr(name, content)


def test_what_would_run_code_is_refused_with_a_way_out(tmp_path):
    path = saved(tmp_path / "w.pth", message_hub={"loss": deque([1.0])}, meta={"sigmas": np.zeros(2)})
    with pytest.raises(WeightsMismatch, match="deque could run code from the file") as raised:
        load_state_dict(path)
    assert "state_dict" in raised.value.hint


def test_arrays_of_objects_are_refused(tmp_path):
    with pytest.raises((WeightsMismatch, WeightsCorrupt)):
        load_state_dict(saved(tmp_path / "w.pth", meta=np.array([deque()], object)))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(WeightsMissing):
        load_state_dict(tmp_path / "gone.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(WeightsCorrupt):
        load_state_dict(tmp_path / "text.pth")
    (tmp_path / "list.pth").write_bytes(pickle.dumps([1]))
    with pytest.raises((WeightsCorrupt, WeightsMismatch)):
        load_state_dict(tmp_path / "list.pth")


def test_tensors_of_another_model_are_refused_by_name_and_by_shape():
    model = torch.nn.Linear(3, 2)
    good = model.state_dict()
    load_strictly(model, good, name="w.pth")
    with pytest.raises(WeightsMismatch, match=r"1 missing: bias; 1 unexpected: other"):
        load_strictly(model, {"weight": good["weight"], "other": good["bias"]}, name="w.pth")
    with pytest.raises(WeightsMismatch, match="size mismatch for weight"):
        load_strictly(model, {**good, "weight": torch.zeros(5, 5)}, name="w.pth")

"""Pickles are read as data and never run."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.pose_files.safe_pickle import load_pickle


class Runs:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("read", [read_dataset_pickle, read_pose_file])
def test_a_pickle_that_would_run_a_program_is_refused_and_runs_nothing(tmp_path, read):
    marker = tmp_path / "it ran"
    pyskl_pickle = tmp_path / "pack.pkl"
    pyskl_pickle.write_bytes(pickle.dumps({"annotations": [Runs(os.system, f"touch '{marker}'")]}))
    with pytest.raises(BadPoseFile, match=f"{os.system.__module__}.system") as caught:
        read(pyskl_pickle)
    assert str(pyskl_pickle) in caught.value.what
    assert not marker.exists()
    pickle.loads(pyskl_pickle.read_bytes())  # the test's own check: without the guard it does run
    assert marker.exists()


@pytest.mark.parametrize("function", [eval, getattr, np.load, np.ndarray.tofile, os.remove])
def test_no_function_but_those_of_arrays_is_admitted(tmp_path, function):
    pyskl_pickle = tmp_path / "pack.pkl"
    pyskl_pickle.write_bytes(pickle.dumps(Runs(function, "x")))
    with pytest.raises(BadPoseFile, match="pickle wants to run"):
        load_pickle(pyskl_pickle)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_arrays_of_every_protocol_and_of_old_and_new_numpy_are_admitted(tmp_path, protocol, module):
    values = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.float64(2.5), "c": [b"\xff", "é", None, True]}
    content = pickle.dumps(values, protocol)
    if protocol < 4:  # later ones write the length of a name before it
        content = content.replace(b"numpy._core.multiarray", module)
    path = tmp_path / "values.pkl"
    path.write_bytes(content)
    read = load_pickle(path)
    assert np.array_equal(read["a"], values["a"])
    assert (read["b"], read["c"]) == (values["b"], values["c"])

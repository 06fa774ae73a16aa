from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from posec3d_cli.errors import DeviceError, UnknownDevice
from posec3d_cli.runtime import device
from posec3d_cli.runtime import threads as threads_module
from posec3d_cli.runtime.device import resolve_device, resolve_precision

NO_CUDA = not torch.cuda.is_available()
NO_MPS = not torch.backends.mps.is_available()


def test_the_cpu_is_always_there() -> None:
    assert resolve_device("cpu") == "cpu"


def test_auto_finds_a_device_that_computes() -> None:
    device = resolve_device("auto")
    assert torch.ones(2, device=device).sum().item() == 2


@pytest.mark.parametrize("name", ["gpu", "", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:¹", "cpu:0", "meta"])
def test_a_name_that_is_no_device_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownDevice, match="no device is called") as caught:
        resolve_device(name)
    assert repr(name) in caught.value.what
    assert "cuda:N" in caught.value.hint


@pytest.mark.skipif(not NO_CUDA, reason="there is a CUDA device")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_is_refused_where_there_is_none(name: str) -> None:
    with pytest.raises(DeviceError, match="finds no CUDA device") as caught:
        resolve_device(name)
    assert repr(name) in caught.value.what
    assert "'cpu'" in caught.value.hint


@pytest.mark.skipif(not NO_MPS, reason="there is an MPS device")
def test_mps_is_refused_where_there_is_none() -> None:
    with pytest.raises(DeviceError, match="'mps'"):
        resolve_device("mps")


def pretend_cuda(monkeypatch: pytest.MonkeyPatch, count: int, capability: tuple[int, int] = (8, 0)) -> None:
    monkeypatch.setattr(device, "_only_cpu", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_is_taken_as_named_where_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, 2)
    assert resolve_device(name) == name
    assert resolve_device("auto") == "cuda"


def test_a_cuda_number_beyond_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, 2)
    with pytest.raises(DeviceError, match="'cuda:2' was asked for, but torch finds 2 CUDA devices") as caught:
        resolve_device("cuda:2")
    assert caught.value.hint == "they are cuda:0 to cuda:1"


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_auto_precision_on_cuda_follows_the_hardware(
    capability: tuple[int, int], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_cuda(monkeypatch, 1, capability)
    assert resolve_precision("auto", "cuda:0") == precision


@pytest.mark.parametrize(("amx", "precision"), [(False, "fp32"), (True, "bf16")])
def test_auto_precision_on_a_cpu_follows_its_tiles(amx: bool, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    capabilities = {"amx_bf16": amx, "avx512_bf16": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert resolve_precision("auto", "cpu") == precision


def test_auto_precision_does_without_the_newer_query_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert resolve_precision("auto", "cpu") == "bf16"
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert resolve_precision("auto", "cpu") == "fp32"


def test_a_named_precision_is_obeyed() -> None:
    assert resolve_precision("fp32", "cpu") == "fp32"
    assert resolve_precision("bf16", "cpu") == "bf16"


def test_bf16_is_refused_where_the_device_cannot_convolve_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("bf16 is not implemented\nfor this device")

    monkeypatch.setattr(torch.nn.functional, "conv3d", fail)
    with pytest.raises(DeviceError, match=r"'cpu' cannot convolve in bf16: bf16 is not implemented$"):
        resolve_precision("bf16", "cpu")


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(DeviceError, match="'fp16'"):
        resolve_precision("fp16", "cpu")


@pytest.mark.parametrize(
    ("named", "count", "seen"),
    [(None, 2, ["0", "1"]), ("4,7", 2, ["4", "7"]), ("GPU-4,GPU-7", 2, ["GPU-4", "GPU-7"]), ("4,9", 1, ["4"])],
)
def test_gpus_are_named_as_the_environment_names_them(monkeypatch, named, count, seen):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.version, "hip", None)
    if named is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert device.visible_gpus() == seen
    monkeypatch.setattr(torch.version, "hip", "6.2")
    assert device.visible_gpus() == []


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("100", 100), ("", 8), ("0", 8), ("two", 8), ("2,1", 8)])
def test_networks_get_as_many_threads_as_omp_num_threads_says_else_at_most_eight(monkeypatch, said, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(threads_module, "processors", lambda: 24)
    assert threads_module.network_threads() == threads


def test_a_process_that_may_use_few_processors_counts_those(monkeypatch):
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity on this system")
    before = os.sched_getaffinity(0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert threads_module.processors() == threads_module.network_threads() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.skipif(
    torch.version.cuda is not None or torch.version.hip is not None or sys.platform == "darwin",
    reason="torch is built for more than processors",
)
def test_auto_knows_a_build_for_processors_without_importing_it() -> None:
    program = (
        "import sys\n"
        "from posec3d_cli.runtime.device import resolve_device\n"
        "print(resolve_device('auto'), resolve_device('cpu'), 'torch' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout == "cpu cpu False\n"

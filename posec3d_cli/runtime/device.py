"""Devices and precision: resolve 'auto' to a choice, and refuse a device or precision that is not available."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import runpy
import sys
from pathlib import Path

from posec3d_cli.config import PRECISIONS
from posec3d_cli.errors import DeviceError, UnknownDevice

DEVICES = ("auto", "cpu", "cuda", "cuda:N", "mps")
USE_AUTO = "use --device auto, which lets each model run where it can"


def resolve_device(name: str) -> str:
    """Turn the name of a device into one that torch can use here.

    Args:
        name: "auto" (the first of CUDA, MPS and CPU that is there), "cpu", "cuda", "cuda:N" or "mps".

    Returns:
        "cpu", "cuda", "cuda:N" or "mps". No other device ever stands in for the one that was named.

    Raises:
        UnknownDevice: no device has this name.
        DeviceError: this machine has no such device.
    """
    if name == "cpu" or (name == "auto" and _only_cpu()):
        return "cpu"
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError("device 'mps' was asked for, but there is none", hint=_without_mps(torch.__version__))
        return name
    kind, colon, index = name.partition(":")
    if kind != "cuda" or (colon and not (index.isascii() and index.isdigit())):
        raise UnknownDevice(f"no device is called {name!r}", hint=f"there are: {', '.join(DEVICES)}")
    if not torch.cuda.is_available():
        raise DeviceError(f"device {name!r} was asked for, but torch finds no CUDA device", hint=_without_cuda())
    count = torch.cuda.device_count()
    if index and int(index) >= count:
        last = f"cuda:{count - 1}"
        raise DeviceError(
            f"device {name!r} was asked for, but torch finds {count} CUDA device{'s' if count > 1 else ''}",
            hint="it is cuda:0" if count == 1 else f"they are cuda:0 to {last}",
        )
    return name


def resolve_precision(name: str, device: str) -> str:
    """Choose the precision of the classifier's convolutions.

    "auto" takes bf16 only where the hardware multiplies bf16 matrices much faster than fp32: CUDA from compute
    capability 8.0 (Ampere) on, and CPUs with AMX tiles. With AVX-512 BF16 alone it depends: on one thread bf16 took
    two thirds of fp32's time for SlowOnly and half as much again for C3D-light, and on two threads it gained nothing
    (`benchmarks/classifier.py`). So there "auto" means fp32, the more exact.

    Args:
        name: "auto", "fp32" or "bf16".
        device: what `resolve_device` returned.

    Returns:
        "fp32" or "bf16".

    Raises:
        DeviceError: `name` is no precision, or the device cannot convolve in it at all.
    """
    if name not in PRECISIONS:
        raise DeviceError(f"no precision is called {name!r}", hint=f"there are: {', '.join(PRECISIONS)}")
    if name == "auto":
        return "bf16" if _has_fast_bf16(device) else "fp32"
    if name == "bf16":
        _check_bf16(device)
    return name


def same_device(one: str, other: str) -> bool:
    """Whether two names mean the same device; "cuda" is "cuda:0"."""
    return one.removesuffix(":0") == other.removesuffix(":0")


def visible_gpus() -> list[str]:
    """The CUDA devices that this process may use, "cuda:0" first, each as CUDA_VISIBLE_DEVICES would name it alone.

    None on ROCm, where other variables say which there are.
    """
    import torch

    if torch.version.hip is not None:
        return []
    count = torch.cuda.device_count()
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[:count] or [str(number) for number in range(count)]


def _only_cpu() -> bool:
    """Whether torch can use no other device here: told without its import, which takes seconds.

    That is so where it is built for processors alone, or for CUDA and there is no driver of it.
    """
    if sys.platform == "darwin":
        return False  # every build for it may find MPS
    package = importlib.util.find_spec("torch")
    assert package is not None
    assert package.origin is not None
    build = runpy.run_path(str(Path(package.origin).with_name("version.py")))
    others = [kind for kind in ("cuda", "hip", "xpu") if build.get(kind, "unknown") is not None]
    return not others or (others == ["cuda"] and not _has_cuda_driver())


def _has_cuda_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _has_fast_bf16(device: str) -> bool:
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(torch.device(device)) >= (8, 0)
    if device == "cpu":
        capabilities = getattr(torch.cpu, "get_capabilities", None)
        if capabilities is not None:
            return bool(capabilities().get("amx_bf16", False))
        # Older releases of torch only tell whether there are tiles at all; no CPU has these without bf16.
        probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
        return bool(probe is not None and probe())
    return False


def _check_bf16(device: str) -> None:
    """Refuse bf16 where a small 3D convolution in it fails."""
    import torch

    try:
        volume = torch.zeros((1, 1, 3, 3, 3), dtype=torch.bfloat16, device=device)
        torch.nn.functional.conv3d(volume, volume)
    except (RuntimeError, TypeError) as error:
        raise DeviceError(
            f"device {device!r} cannot convolve in bf16: {str(error).splitlines()[0]}", hint="use fp32 or auto"
        ) from error


def _without_cuda() -> str:
    import torch

    if torch.version.cuda is None:
        return f"this torch ({torch.__version__}) is built without CUDA: install a CUDA build, or use 'cpu' or 'auto'"
    return "look at the driver with `nvidia-smi`, or use 'cpu' or 'auto'"


def _without_mps(version: str) -> str:
    return f"it needs a Mac with Apple silicon and a torch built for it (this is {version}); use 'cpu' or 'auto'"

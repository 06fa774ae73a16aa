"""Pickles that hold data only, read without executing anything."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from posec3d_cli.errors import BadPoseFile

# What a pickle of arrays and plain containers needs, and nothing else.
_ADMITTED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise BadPoseFile(
                f"the pickle wants to run {module}.{name}, which a pose file has no need of",
                hint="use a pickle that holds only arrays, lists, dicts, numbers and texts",
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load_pickle(path: Path) -> Any:
    """The content of a pickle that holds only arrays and plain containers.

    Raises:
        BadPoseFile: it is no pickle, is cut off, or names anything else.
    """
    try:
        with path.open("rb") as file:
            return _ArraysOnly(file).load()
    except BadPoseFile as error:
        raise BadPoseFile(f"{path}: {error.what}", hint=error.hint) from None
    except OSError as error:
        raise BadPoseFile(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise BadPoseFile(
            f"{path} is no readable pickle: it is cut off, damaged or something else", hint="download or write it again"
        ) from error

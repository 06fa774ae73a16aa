"""Files that are not finished: each process writes into a folder of its own beside the target, on the same disk.

What a killed process left behind is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_PART = ".part-"
_DAY_SECONDS = 86_400


class CannotWrite(Exception):
    """The disk did not take the bytes: no fault of the source."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))


@contextlib.contextmanager
def writing(part: Path) -> Iterator[IO[bytes]]:
    """Open `part` for writing; its last bytes may only fail to be written when it is closed."""
    try:
        stream = part.open("wb")
    except OSError as error:
        raise CannotWrite(error) from error
    try:
        yield stream
    except BaseException:
        with contextlib.suppress(OSError):
            stream.close()
        raise
    try:
        stream.close()
    except OSError as error:
        raise CannotWrite(error) from error


@contextlib.contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A folder of this process's own in `parent`, which is made; left-overs of dead processes are removed.

    Raises:
        CannotWrite: nothing can be made there.
    """
    host = "".join(c for c in platform.node() if c.isalnum())[:32]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for old in parent.glob(f"{_PART}*"):
            if _is_abandoned(old, host):
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{_PART}{host}-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise CannotWrite(error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path, host: str) -> bool:
    """Whether the process that made a staging folder is gone, or, where that cannot be asked, a day has passed."""
    made_here = re.fullmatch(rf"{re.escape(_PART + host)}-(\d+)-.*", folder.name)
    if made_here and sys.platform != "win32":
        try:
            os.kill(int(made_here.group(1)), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False
    try:
        return time.time() - folder.stat().st_mtime > _DAY_SECONDS
    except OSError:
        return False

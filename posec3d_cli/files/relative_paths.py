"""Resolve the relative paths in tables and lists: one rule for all of them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RelativePaths:
    r"""The rule for the paths that a file names.

    An absolute path is taken as it is. Another begins in `root` where one is given, else in the folder of the file,
    and where there is nothing of the name, in the working directory. Where nothing has the name as it stands, `\` is
    read as `/`, and letters with accents in either of Unicode's forms.

    Attributes:
        file: the table or list.
        root: the folder in which its paths begin, or None.
    """

    file: Path
    root: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which relative paths are searched, in this order."""
        return (self.file.parent, Path()) if self.root is None else (self.root,)

    def candidates(self, name: str) -> Iterator[Path]:
        """The paths that a name may mean, the likeliest first."""
        slashed = name.replace("\\", "/")
        spellings = (name, slashed, *(unicodedata.normalize(form, slashed) for form in ("NFC", "NFD")))
        for folder in self.folders:
            for spelling in dict.fromkeys(spellings):
                yield folder / spelling

    def find(self, name: str, there: Callable[[Path], bool] = os.path.exists) -> Path | None:
        """The path that a name means; None if there is none."""
        return next((path for path in self.candidates(name) if there(path)), None)

    def hint(self, missing: Sequence[str]) -> str:
        """The hint for names that mean no path."""
        begin = " and ".join(str(folder.absolute()) for folder in self.folders)
        hint = f"paths that are not absolute are looked for in {begin}; --root DIR names another folder"
        if any("\\" in name for name in missing):
            hint += r"; \ in them was read as / too, and drives such as C: are not known here"
        return hint

"""Videos and pictures by their names, told without a decoder."""

from __future__ import annotations

import re
from pathlib import Path

VIDEO_SUFFIXES = frozenset(
    (
        *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc", ".m2ts"),
        *(".m2v", ".m4v", ".mkv", ".mov"),
        *(".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogg", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv"),
    )
)
"""How the names of videos end, in lower case: what is looked for in folders. Any file can be opened."""
LIST_SUFFIX = ".pictures"
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""How the names of pictures end, in lower case: what is looked for in a folder of pictures."""
NUMBER = re.compile(r"%(0\d+)?d")
"""What stands for the numbers of pictures in the name of a pattern."""


def is_pattern(path: Path) -> bool:
    """Whether a path stands for numbered pictures, as `frames/%06d.jpg` does."""
    return len(NUMBER.findall(path.name)) == 1 and path.suffix.lower() in PICTURE_SUFFIXES


def is_list(path: Path) -> bool:
    """Whether a file is the list of a sequence of pictures."""
    return path.suffix == LIST_SUFFIX

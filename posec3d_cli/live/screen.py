"""Screen: a window that shows the annotated frames, by OpenCV."""

from __future__ import annotations

import os
import sys
import threading

import cv2

from posec3d_cli.errors import OutputError
from posec3d_cli.live.outputs import Quiet
from posec3d_cli.types import Pixels

TITLE = "posec3d live"
_KEYS_THAT_END = (27, ord("q"))  # Escape, q
_LARGEST = 1280, 720  # pixels of the window at first
_INSTEAD = "--serve shows the frames in a browser"


class Screen(Quiet):
    """A window; Escape, q and closing it set `stop`. To be used from the main thread.

    Raises:
        OutputError: there is no display, or this OpenCV has no windows.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._sized = False
        # Without a display, Qt would end the process.
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise OutputError(
                "there is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set", hint=_INSTEAD
            )
        # The Qt that comes with OpenCV has no fonts, which nothing here needs, and complains of it at length.
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            raise OutputError(
                "this OpenCV shows no windows, as opencv-python-headless does not",
                hint=f"pip install opencv-python in its place, or {_INSTEAD}",
            ) from error

    @property
    def wants_frames(self) -> bool:
        """Always."""
        return True

    def frame(self, pixels: Pixels, seconds: float) -> None:
        """Show a frame. The window has its size at first, or fits a small screen."""
        if not self._sized:
            height, width = pixels.shape[:2]
            scale = min(1, _LARGEST[0] / width, _LARGEST[1] / height)
            cv2.resizeWindow(TITLE, round(width * scale), round(height * scale))
            self._sized = True
        cv2.imshow(TITLE, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        if key in _KEYS_THAT_END or cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            self._stop.set()

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()

"""Where the program begins: nothing is imported yet, so that Ctrl-C ends it in silence from the first moment."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the program and exit with its code."""
    try:
        from posec3d_cli.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

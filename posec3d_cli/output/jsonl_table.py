"""Tables as JSON lines: per clip everything that `predict --json` says of a video, and what a table adds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from posec3d_cli.output.csv_table import spreadsheet_text
from posec3d_cli.output.tables import Row


class JsonLines:
    """One JSON object per clip."""

    columns = None

    def write(self, rows: Iterable[Row], path: Path) -> None:
        """Write the rows."""
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def read(self, path: Path) -> list[Row]:
        """The rows.

        Raises:
            OSError: it cannot be read.
            ValueError: a line is no JSON.
        """
        return [*map(json.loads, filter(str.strip, spreadsheet_text(path).split("\n")))]


FORMAT = JsonLines()

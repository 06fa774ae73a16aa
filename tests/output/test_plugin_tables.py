"""Result tables that another package writes."""

from __future__ import annotations

import itertools

import plugin_factory
import pytest
from clip_results import failed

from posec3d_cli.batch.corrections import kept_corrections
from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import OutputError, OutputExists
from posec3d_cli.output.tables import check_table, rows_of, suffixes, write_table

RESULT = failed("a.mp4", "it is empty")
LINES = """
class Lines:
    columns = {columns}
    def write(self, rows, path):
        path.write_text("".join(f"{{row['video']}}: {{row['error']}}\\n" for row in rows))
FORMAT = Lines()
"""
numbers = itertools.count()


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Installs a package that writes `.lines` files, and names one."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(columns):
        module = f"lines_{next(numbers)}"
        text = LINES.format(columns=columns)
        plugin_factory.install(site, "more-lines", "posec3d.outputs", "lines", f"{module}:FORMAT", {module: text})
        return tmp_path / "labels.lines"

    return install


def test_a_table_of_another_package_is_written_by_its_suffix(table):
    path = table(("video", "error"))
    check_table(path)
    assert ".lines" in suffixes()
    rows = list(rows_of(path, [(RESULT, 1.0)], {}))
    assert rows == [{"video": "a.mp4", "error": "it is empty"}]
    write_table(path, rows)
    assert path.read_text() == "a.mp4: it is empty\n"


def test_a_table_that_nothing_reads_back_is_replaced_only_where_that_was_said(table, tmp_path):
    path = table(("video", "error"))
    path.write_text("corrected by hand")
    with RunState(tmp_path / "state") as state:
        with pytest.raises(OutputExists, match=r"corrections in \.lines files cannot be read back"):
            kept_corrections(path, state)
        assert kept_corrections(path, state, overwrite=True) == {}


def test_a_format_that_wants_a_column_that_there_is_not_is_refused_at_once(table):
    with pytest.raises(OutputError, match="its format wants a column 'color'"):
        check_table(table(("video", "color")))


def test_a_format_that_fails_is_named_and_leaves_no_file(table):
    path = table(("video",))
    with pytest.raises(OutputError, match="the output 'lines' of more-lines failed: KeyError: 'error'"):
        write_table(path, rows_of(path, [(RESULT, 1.0)], {}))
    assert not path.exists()

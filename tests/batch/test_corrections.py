"""What people change in a table is kept or named, also after a spreadsheet saved it, and never lost."""

from __future__ import annotations

import csv
import io
import json
import weakref

import pytest
from clip_results import answered
from pyarrow import Table, parquet

from posec3d_cli.batch.corrections import kept_corrections, write_results
from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import OutputExists
from posec3d_cli.output.tables import COLUMNS

SOME = [
    (answered("walk/é,1.mp4", ("walk", 0.7), ("run", 0.123457), warnings=("a, b",)), 1.25),
    (answered("new\nline.mp4", ("sit", 0.5), ("stand", 0.4), warnings=("a, b",)), 2.0),
    (answered("empty.mp4", warnings=("a, b",)), 0.5),
]
NAMES = ["walk/é,1.mp4", "new\nline.mp4", "empty.mp4"]


@pytest.fixture(params=[".csv", ".jsonl", ".parquet"])
def table(tmp_path, request):
    return tmp_path / f"labels{request.param}"


@pytest.fixture
def run_state(tmp_path):
    with RunState(tmp_path / "state") as run_state:
        yield run_state


def rows(path):
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    return parquet.read_table(path).to_pylist()


def save(path, changed):
    """What another program writes."""
    if path.suffix == ".csv":
        path.write_text(spelled(changed), encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n\n" for row in changed))
    else:
        parquet.write_table(Table.from_pylist(changed), path)


def spelled(changed, **dialect):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(changed[0]), **dialect)
    writer.writeheader()
    writer.writerows(changed)
    return text.getvalue()


def corrected(path):
    return [row["corrected"] or "" for row in rows(path)]


def answer_of(path):
    return "answer" if path.suffix == ".jsonl" else "label"


def test_corrections_are_kept_as_long_as_the_video_has_a_row_and_after(table, run_state):
    write_results(table, SOME, run_state)
    assert corrected(table) == ["", "", ""]
    changed = rows(table)
    changed[1]["corrected"] = " squat "
    save(table, changed[::-1])
    write_results(table, SOME, run_state)
    assert corrected(table) == ["", "squat", ""]
    write_results(table, SOME[:1], run_state)
    assert corrected(table) == [""]
    write_results(table, SOME, run_state)
    assert corrected(table) == ["", "squat", ""], "a row that was away for a while finds its correction again"
    table.unlink()
    write_results(table, SOME, run_state)
    assert corrected(table) == ["", "squat", ""]
    changed = rows(table)
    changed[1]["corrected"] = ""
    save(table, changed)
    write_results(table, SOME, run_state)
    assert corrected(table) == ["", "", ""], "and one that was taken back is gone"


def test_a_changed_label_is_refused_and_named_and_may_be_overwritten(table, run_state):
    write_results(table, SOME, run_state)
    changed = rows(table)
    changed[0][answer_of(table)] = "squat"
    changed[1]["corrected"] = "lie"
    save(table, changed)
    before = table.read_bytes()
    with pytest.raises(OutputExists, match=r"in 1 row: walk/é,1\.mp4 \((label|answer)\)") as caught:
        write_results(table, SOME, run_state)
    assert "put right labels into the column corrected" in caught.value.hint
    assert table.read_bytes() == before
    write_results(table, SOME, run_state, overwrite=True)
    assert [row[answer_of(table)] for row in rows(table)][:2] == ["walk", "sit"]
    assert corrected(table) == ["", "lie", ""]


def test_added_rows_and_columns_are_not_lost_either(table, run_state):
    write_results(table, SOME, run_state)
    changed = rows(table)
    save(table, [*changed, {**changed[0], "video": "other.mp4"}])
    with pytest.raises(OutputExists, match=r"'other\.mp4' was added"):
        kept_corrections(table, run_state)
    save(table, [{**row, "remark": "dark" if row["video"] == "empty.mp4" else ""} for row in changed])
    with pytest.raises(OutputExists, match=r"in 1 row: empty\.mp4 \(remark\)"):
        kept_corrections(table, run_state)
    save(table, [{name: cell for name, cell in row.items() if name != "seconds"} for row in changed[:2]])
    assert kept_corrections(table, run_state) == {}, "a row or column that was removed can be written again"


def test_what_is_no_table_any_more_is_not_replaced(table, run_state):
    write_results(table, SOME, run_state)
    table.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(OutputExists, match="is no longer the table that the last run wrote"):
        write_results(table, SOME, run_state)
    write_results(table, SOME, run_state, overwrite=True)
    assert len(rows(table)) == 3


def test_a_run_that_was_cut_off_while_it_wrote_raises_no_alarm(table, run_state, monkeypatch):
    write_results(table, SOME[:1], run_state)
    others = [(answered("walk/é,1.mp4", ("jump", 0.9)), 1.0)]
    before = table.read_bytes()

    def cut_off(until):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run_state, "drop_rows", cut_off)
        with pytest.raises(KeyboardInterrupt):
            write_results(table, others, run_state)
    assert table.read_bytes() != before
    assert kept_corrections(table, run_state) == {}
    table.write_bytes(before)
    assert kept_corrections(table, run_state) == {}
    write_results(table, others, run_state)
    assert len(list(run_state.rows())) == 1


def test_a_table_that_nobody_touched_is_not_read(table, run_state, monkeypatch):
    run_state.keep_corrections({("gone.mp4", 0): "walk"})
    write_results(table, SOME, run_state)
    monkeypatch.setattr("posec3d_cli.batch.corrections.read_table", lambda path: pytest.fail("read"))
    assert kept_corrections(table, run_state) == {("gone.mp4", 0): "walk"}


def test_results_pass_through_one_by_one(table, run_state):
    """However many there are, only one is held at a time."""
    alive: weakref.WeakSet = weakref.WeakSet()
    most = []

    def passing():
        for number in range(50):
            result = answered(f"{number}.mp4", ("walk", 0.9))
            alive.add(result)
            most.append(len(alive))
            yield result, 1.0
            del result

    write_results(table, passing(), run_state)
    assert (len(rows(table)), max(most)) == (50, 2)


@pytest.mark.parametrize(
    "save_as",
    [
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        lambda text: again(text, delimiter=";").replace("0.7", "0,70").encode("cp1252"),
        lambda text: again(text, delimiter="\t").encode("utf-16"),
        lambda text: again(text, quoting=csv.QUOTE_ALL).replace('"0.7"', '"0.70000"').encode(),
        lambda text: ("sep=;\n" + again(text, delimiter=";", lineterminator="\n")).encode(),
        lambda text: (text + ",,,,,,,,,,,,,,,,,\n,,,\n").encode(),
        lambda text: text.replace("true", "WAHR").replace("false", "FALSE").encode(),
        lambda text: text.replace("0.123457", "0.12").replace("0.7,", "70%,").encode(),
        lambda text: text.replace("é", "e\u0301").replace("video,status", "Video, Status ").encode(),
        lambda text: text.replace("0.7,", '0.7,').replace("8,0,", "8.0,0,").encode(),
    ],
    ids=["BOM", "semicolons", "UTF-16", "quotes", "sep", "blanks", "truth", "rounded", "decomposed", "whole numbers"],
)  # fmt: skip
def test_a_spreadsheet_that_saves_the_table_loses_no_correction_and_raises_no_alarm(tmp_path, run_state, save_as):
    table = tmp_path / "labels.csv"
    write_results(table, SOME, run_state)
    changed = rows(table)
    changed[0]["corrected"] = "squat"
    content = save_as(spelled(changed, lineterminator="\n"))
    assert content != spelled(changed, lineterminator="\n").encode() or b"8,0," in content
    table.write_bytes(content)
    write_results(table, SOME, run_state)
    assert corrected(table) == ["squat", "", ""]
    assert [row["video"] for row in rows(table)] == NAMES
    changed = rows(table)
    changed[0]["label"] = "squat"
    table.write_bytes(save_as(spelled(changed, lineterminator="\n")))
    with pytest.raises(OutputExists, match=r"1 row: .*\(label\)"):
        write_results(table, SOME, run_state)


def again(text, **dialect):
    return spelled(list(csv.DictReader(io.StringIO(text, newline=""))), **dialect)


def test_a_table_is_not_replaced_where_the_run_wrote_none(tmp_path, run_state):
    table = tmp_path / "labels.csv"
    table.write_text("video,label\na.mp4,run\n")
    with pytest.raises(OutputExists, match=r"'a\.mp4' was added"):
        kept_corrections(table, run_state)


def test_of_rows_with_one_name_each_keeps_its_own_correction(tmp_path, run_state):
    table = tmp_path / "labels.csv"
    twice = [SOME[0], (answered("walk/é,1.mp4", ("sit", 0.9)), 1.0)]
    write_results(table, twice, run_state)
    changed = rows(table)
    changed[1]["corrected"] = "lie"
    save(table, changed)
    write_results(table, twice, run_state)
    assert corrected(table) == ["", "lie"]


def test_every_column_is_written(tmp_path, run_state):
    table = tmp_path / "labels.csv"
    write_results(table, SOME, run_state)
    assert list(rows(table)[0]) == list(COLUMNS)
    answered, close, nobody = ([row[name] for name in ("margin", "doubtful")] for row in rows(table))
    assert answered == ["0.576543", "false"]
    assert close == ["0.1", "true"]
    assert nobody == ["", ""]


def written(tmp_path, run_state):
    path = tmp_path / "labels.csv"
    write_results(path, SOME, run_state)
    return path, rows(path)


def test_two_columns_of_corrections_are_refused_and_none_is_lost(tmp_path, run_state):
    path, there = written(tmp_path, run_state)
    there[0]["corrected"] = "run"
    text = spelled(there).replace("\r\n", "\n")
    head, _, rest = text.partition("\n")
    path.write_text(f"{head},corrected\n{rest}", encoding="utf-8")
    with pytest.raises(OutputExists, match="it has two columns corrected"):
        kept_corrections(path, run_state)


def test_a_row_that_was_doubled_with_another_correction_is_refused(tmp_path, run_state):
    path, there = written(tmp_path, run_state)
    there[0]["corrected"] = "run"
    save(path, [*there, {**there[0], "corrected": "sit"}])
    with pytest.raises(OutputExists, match=r"é,1\.mp4' was added"):
        kept_corrections(path, run_state)


@pytest.mark.parametrize("first", ["SEP=;\r\n", '"sep=;"\r\n', "\r\n"])
def test_lines_before_the_headings_are_no_headings(tmp_path, run_state, first):
    path, there = written(tmp_path, run_state)
    there[0]["corrected"] = "run"
    path.write_text(first + spelled(there, delimiter=";").replace("corrected", "corrected\u200b"), encoding="utf-8")
    assert kept_corrections(path, run_state) == {("walk/é,1.mp4", 0): "run"}

"""Tables as people and spreadsheets write them."""

from __future__ import annotations

import pytest

from posec3d_cli.errors import BadDataset
from posec3d_cli.files.csv_tables import read_csv

COLUMNS = ("video", "label")
ROWS = [("a.mp4", "walk"), ("b c.mp4", "run")]


def rows(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return [(row["video"], row["label"]) for row in read_csv(path, COLUMNS).rows]


@pytest.mark.parametrize(
    "content",
    [
        "video,label\na.mp4,walk\nb c.mp4,run\n",
        "video,label\r\na.mp4,walk\r\nb c.mp4,run",
        "video,label\ra.mp4,walk\rb c.mp4,run\r",
        "\ufeffvideo,label\na.mp4,walk\nb c.mp4,run\n",
        "video;label\na.mp4;walk\nb c.mp4;run\n",
        '"video";"label"\n"a.mp4";"walk"\n"b c.mp4";"run"\n',
        "video\tlabel\na.mp4\twalk\nb c.mp4\trun\n",
        "video|label\na.mp4|walk\nb c.mp4|run\n",
        "sep=;\r\nvideo;label\r\na.mp4;walk\r\nb c.mp4;run\r\n",
        "Video,LABEL\na.mp4,walk\nb c.mp4,run\n",
        " video , label \n a.mp4 , walk \nb c.mp4,  run\n",
        'video, label\na.mp4, walk\n"b c.mp4", "run"\n',
        "\n\nvideo,label\n\na.mp4,walk\n,\nb c.mp4,run\n\n",
        "more,label,video,\n1,walk,a.mp4,\n,run,b c.mp4\n",
        "video,label,,\na.mp4,walk,,\nb c.mp4,run,,\n",
        '"sep=;"\r\nvideo;label\r\na.mp4;walk\r\nb c.mp4;run\r\n',
        "\u200bvideo,label\u200b\n\ufeffa.mp4,walk\nb c.mp4\u200b,\u2060run\n",
    ],
)
def test_every_way_to_write_a_table_is_read_alike(tmp_path, content):
    assert rows(tmp_path / "t.csv", content) == ROWS


def test_what_spreadsheets_call_unicode_text_is_read(tmp_path):
    assert rows(tmp_path / "t.csv", "video\tlabel\r\na.mp4\twalk\r\nb c.mp4\trun\r\n", "utf-16") == ROWS


def test_quoted_cells_hold_what_parts_the_others(tmp_path):
    content = 'video,label\n"a,b.mp4",walk\n"c ""d"".mp4",run\n'
    assert rows(tmp_path / "t.csv", content) == [("a,b.mp4", "walk"), ('c "d".mp4', "run")]


def test_rows_know_their_line(tmp_path):
    (tmp_path / "t.csv").write_text("video,label\n\na,walk\nb\n")
    table = read_csv(tmp_path / "t.csv", COLUMNS)
    assert [(row.line, row["video"], row["label"], row["other"]) for row in table.rows] == [
        (3, "a", "walk", ""),
        (4, "b", "", ""),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("video,label\n", "no rows below its headings 'video', 'label'"),
        ("a.mp4,walk\nb.mp4,run\n", "must have the columns video, label, and its first line has 'a.mp4', 'walk'"),
        ("file;class\na;b\n", "its first line has 'file', 'class'"),
        ("video label\na b\n", "its first line has 'video label'"),
        ("video,label,Video\na,b,c\n", "two columns video"),
        ("video,label\na,b.mp4,walk\n", "line 2 has 3 cells, and the headings are 2"),
        ('video,label\n"a.mp4,walk\nb.mp4,run\n', "no CSV table: line 3"),
        ("video,label\na.mp4,walk\n".encode("utf-16-le"), "no CSV table in UTF-8: it holds null bytes"),
        (b"video,label\nd\xe9velopp\xe9.mp4,run\n", "no CSV table in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_was_found(tmp_path, content, message):
    with pytest.raises(BadDataset, match=message):
        rows(tmp_path / "t.csv", content)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="cannot be read"):
        read_csv(tmp_path / "none.csv", COLUMNS)

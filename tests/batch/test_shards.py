"""Shards of a run, and the whole that they are merged to."""

from __future__ import annotations

from pathlib import Path

import pytest

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.shards import Shard, shard_of, shards_beside
from posec3d_cli.errors import ConfigError

FILES = [InputFile(Path(f"/videos/{name}"), name) for name in (f"walk/{number:03}.mp4" for number in range(500))]


def test_each_input_is_in_exactly_one_shard_and_others_do_not_move_it():
    parts = [Shard(index, 8).of(FILES) for index in range(1, 9)]
    assert sorted(file.name for part in parts for file in part) == [file.name for file in FILES]
    assert max(map(len, parts)) < 1.4 * 500 / 8
    fewer = FILES[::3]
    assert Shard(3, 8).of(fewer) == [file for file in parts[2] if file in fewer]


def test_a_shard_is_known_for_all_time():
    assert [shard_of(file, 8) for file in FILES[:10]] == [3, 5, 2, 8, 3, 4, 3, 1, 5, 6]
    composed, decomposed = (InputFile(Path(name), name) for name in ("caf\u00e9.mp4", "cafe\u0301.mp4"))
    assert shard_of(composed, 97) == shard_of(decomposed, 97), "tables take both for one name"


@pytest.mark.parametrize("text", ["0/8", "9/8", "1", "1/0", "a/b", "1/2/3", "-1/4", "1.0/2", "", "٣/٤"])
def test_a_text_that_names_no_shard_is_refused(text):
    with pytest.raises(ConfigError, match="a shard is I/N with I from 1 to N, such as 2/8, got "):
        Shard.parse(text)


def test_the_outputs_of_shards_stand_beside_that_of_the_whole_run(tmp_path):
    assert Shard.parse(" 2/8 ").output(tmp_path / "labels.csv") == tmp_path / "labels.2-of-8.csv"
    for name in (
        "labels.10-of-12.csv",
        "labels.2-of-12.csv",
        "other.1-of-2.csv",
        "labels.1-of-2.jsonl",
        "poses.1-of-2",
    ):
        (tmp_path / f"{name}.state.sqlite").touch()
    assert shards_beside(tmp_path / "labels.csv") == [Shard(2, 12), Shard(10, 12)]
    assert shards_beside(tmp_path / "poses") == [Shard(1, 2)]

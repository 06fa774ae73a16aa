"""Where the relative paths of tables and lists begin."""

from __future__ import annotations

import unicodedata

import pytest

from posec3d_cli.files.relative_paths import RelativePaths


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for place in ("tables/walk/a.mp4", "work/b/b.mp4", "videos/walk/a.mp4", "tables/développé/c.mp4"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def test_paths_begin_at_the_table_and_then_where_one_stands(tree):
    paths = RelativePaths(tree / "tables" / "t.csv")
    assert paths.find("walk/a.mp4") == tree / "tables/walk/a.mp4"
    assert paths.find("b/b.mp4").absolute() == tree / "work/b/b.mp4"
    assert paths.find(str(tree / "videos/walk/a.mp4")) == tree / "videos/walk/a.mp4"
    assert paths.find("none.mp4") is None
    assert paths.find("a" * 5000) is None


def test_a_root_is_the_only_place(tree):
    paths = RelativePaths(tree / "tables" / "t.csv", tree / "videos")
    assert paths.find("walk/a.mp4") == tree / "videos/walk/a.mp4"
    assert paths.find("b/b.mp4") is None


def test_backslashes_and_parted_accents_are_read_where_nothing_has_the_name(tree):
    paths = RelativePaths(tree / "tables" / "t.csv")
    assert paths.find("..\\videos\\walk\\a.mp4") == tree / "tables/../videos/walk/a.mp4"
    assert paths.find(unicodedata.normalize("NFD", "développé/c.mp4")) == tree / "tables/développé/c.mp4"
    (tree / "tables" / "walk\\a.mp4").touch()
    assert paths.find("walk\\a.mp4") == tree / "tables" / "walk\\a.mp4"


def test_the_hint_names_the_folders_and_the_option(tree):
    hint = RelativePaths(tree / "tables" / "t.csv").hint(["x.mp4"])
    assert str(tree / "tables") in hint
    assert str(tree / "work") in hint
    assert "--root" in hint
    assert "\\" not in hint
    assert "drives such as C:" in RelativePaths(tree / "t.csv").hint(["C:\\x.mp4"])

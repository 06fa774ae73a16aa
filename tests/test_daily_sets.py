"""The validation halves of posec3d-daily: whole sources, and alike in number."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from benchmark_modules import imported
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def sets():
    with imported("daily", ["sets"]) as modules:
        yield modules["sets"]


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["walk", "run"]), st.integers(0, 30)).map(lambda one: f"{one[0]}/{one[1]}"),
        st.integers(1, 5),
        max_size=20,
    )
)
def test_a_source_is_in_one_half_and_the_halves_are_alike(sets, sizes):
    groups = {name: [f"{name}-{number}" for number in range(size)] for name, size in sizes.items()}
    chosen = sets.halves(groups)
    assert set(chosen) == {clip for clips in groups.values() for clip in clips}
    assert all(len({chosen[clip] for clip in clips}) == 1 for clips in groups.values())
    for label in ("walk", "run"):
        own = Counter(half for clip, half in chosen.items() if clip.startswith(label))
        largest = max((size for name, size in sizes.items() if name.startswith(label)), default=0)
        assert abs(own["a"] - own["b"]) <= largest


def test_the_web_sources_that_are_validated_on_are_named_once(sets):
    rows = (sets.HERE / "web_validation.csv").read_text(encoding="utf-8").splitlines()
    assert len({row.rpartition(",")[0] for row in rows}) == len(rows)
    assert {row.rpartition(",")[2] for row in rows} == {"a", "b"}


def test_the_labels_of_every_recorded_source_are_mapped_to_plain_names(sets):
    rows = sets.read_rows(sets.HERE / "labels.csv")
    assert len({(row["source"], row["label"]) for row in rows}) == len(rows)
    assert all(row["action"].replace("_", "").isalpha() and row["action"].islower() for row in rows)


def test_clips_of_one_source_video_have_one_title(sets):
    names = ["OldSchool_walk_f_nm_np1_ri_med_0.avi", "OldSchool_walk_u_cm_np1_fr_med_11.avi"]
    assert {sets.title(f"walk/{name}", "walk") for name in names} == {"walk/OldSchool"}


def test_clips_of_the_validation_tables_are_not_learned_from_though_those_have_other_names():
    def clips(*names):
        return [SimpleNamespace(name=name) for name in names]

    with imported("daily", ["ship", "objects"]) as modules:
        kept = modules["objects"].apart_from(
            clips("jhmdb/p/run/a.npz", "jhmdb/p/run/b.npz"), clips("jhmdb_a/p/run/a.npz")
        )
    assert [clip.name for clip in kept] == ["jhmdb/p/run/b.npz"]

"""The label lists of the published datasets: how many, each once, and known classes at their known places."""

import pytest

from posec3d_cli.hub.catalog import models_folder

COUNTS = {"ntu60": 60, "ntu120": 120, "k400": 400, "gym99": 99, "ucf101": 101, "hmdb51": 51, "diving48": 48}
PLACES = [
    ("ntu60", 42, "falling"),  # A43 of the dataset's own numbering, which starts at 1
    ("ntu60", 49, "punching/slapping other person"),
    ("ntu120", 98, "running on the spot"),
    ("ntu120", 119, "finger-guessing game (playing rock-paper-scissors)"),
    ("k400", 0, "abseiling"),
    ("k400", 148, "hammer throw"),
    ("k400", 378, "walking the dog"),
    ("k400", 399, "zumba"),
    ("gym99", 6, "(FX) switch leap with 0.5 turn"),
    ("gym99", 98, "(UB) (swing forward) double salto backward stretched"),
    ("ucf101", 35, "HammerThrow"),
    ("ucf101", 100, "YoYo"),
    ("hmdb51", 21, "kick_ball"),
    ("diving48", 30, "Forward+Dive+NoTwis+STR"),
]


def labels(name: str) -> list[str]:
    return (models_folder() / "labels" / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_there_are_these_lists_and_no_others():
    assert {file.stem for file in (models_folder() / "labels").iterdir()} == set(COUNTS)


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_a_list_has_one_line_per_class(name, count):
    assert len(labels(name)) == len(set(labels(name))) == count
    assert all(label == label.strip() and label.isascii() for label in labels(name))


@pytest.mark.parametrize(("name", "number", "label"), PLACES)
def test_a_class_is_where_the_dataset_has_it(name, number, label):
    assert labels(name)[number] == label


def test_ntu60_is_the_first_half_of_ntu120():
    assert labels("ntu120")[:60] == labels("ntu60")


@pytest.mark.parametrize("name", ["k400", "ucf101", "hmdb51", "diving48"])
def test_datasets_that_number_their_classes_by_name_are_in_order(name):
    assert labels(name) == sorted(labels(name), key=str.lower)

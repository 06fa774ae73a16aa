"""`--classifier A+B --ensemble-weights 2:1`, with networks that were never trained."""

from __future__ import annotations

import json

import pytest
import random_cards
import synthetic_people as people


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    joint = random_cards.write_card(folder / "joint", seed=1)
    limb = random_cards.write_card(folder / "limb", seed=2, channels="limbs", sampler="mmaction2")
    return joint, limb


@pytest.fixture(scope="module")
def dataset_pickle(tmp_path_factory):
    return people.write_dataset_pickle(tmp_path_factory.mktemp("pack") / "pack.pkl", people.labeled_clips(1, frames=40))


def test_predict_names_both_models_and_their_shares(posec3d, cards, dataset_pickle):
    joint, limb = cards
    options = ("--device", "cpu", "--precision", "fp32", "--offline", "--top", 3, "--json")
    ran = posec3d("predict", dataset_pickle, "--classifier", f"{joint}+{limb}", "--ensemble-weights", "3:1", *options)
    assert ran.code == 0, ran.err
    assert "; joint+limb (0.75 + 0.25) on cpu in fp32" in ran.err
    found, alone = (
        json.loads(ran.out),
        [json.loads(posec3d("predict", dataset_pickle, "--classifier", one, *options).out) for one in cards],
    )
    assert found["pipeline"]["models"]["classifier"]["name"] == "joint+limb"
    assert set(found["pipeline"]["models"]["classifier"]["sha256"]) == {"joint/weights", "limb/weights"}
    assert found["pipeline"]["ensemble"] == {"joint": 0.75, "limb": 0.25}
    assert alone[0]["pipeline"]["ensemble"] == {}
    for number, video in enumerate(found["videos"]):
        first, second = (
            {one["label"]: one["probability"] for one in answer["videos"][number]["labels"]} for answer in alone
        )
        for one in video["labels"]:
            mean = 0.75 * first[one["label"]] + 0.25 * second[one["label"]]
            assert one["probability"] == pytest.approx(mean, abs=2e-6)


@pytest.mark.parametrize("ratio", ["2:x", "", "2/1"])
def test_a_ratio_that_is_none_is_a_usage_error(posec3d, cards, dataset_pickle, ratio):
    ran = posec3d("predict", dataset_pickle, "--classifier", f"{cards[0]}+{cards[1]}", "--ensemble-weights", ratio)
    assert (ran.code, "--ensemble-weights takes a ratio such as 2:1" in ran.err) == (2, True)


def test_evaluate_measures_the_fused_answers(posec3d, cards, dataset_pickle):
    options = ("--device", "cpu", "--precision", "fp32", "--offline", "--json")
    joint, limb = cards

    def wrong(*classifier):
        return json.loads(posec3d("evaluate", dataset_pickle, "--classifier", *classifier, *options).out)["mistakes"]

    assert wrong(f"{joint}+{limb}", "--ensemble-weights", "1:0") == wrong(joint)
    assert wrong(f"{joint}+{limb}", "--ensemble-weights", "0:1") == wrong(limb)

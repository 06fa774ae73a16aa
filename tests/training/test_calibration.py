"""A temperature is found in the answers as they are given, and calibration is measured as the paper says."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import random_cards
import synthetic_people as people
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import BadDataset, StageMismatch
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.evaluation.metrics import coverage, error_if_calibrated, expected_calibration_error
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training import calibration
from posec3d_cli.training.calibration import fit_temperature, softmax_with_temperature

CLIP = "flip = true\nwindow_seconds = 0.6"


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def write_model(folder, *, louder=1.0, temperature=None):
    """Two networks that read each person alone, in windows; their logits are multiplied by `louder`."""
    random_cards.write_card(folder, seed=1, clip=CLIP)
    other = random_cards.write_card(folder / "other", seed=3, clip=CLIP)
    (other / "weights.safetensors").rename(folder / "weights-2.safetensors")
    card = (folder / "model.toml").read_text().partition("[[files]]")[0]
    for name in ("weights", "weights-2"):
        path = folder / f"{name}.safetensors"
        state = {
            key: tensor * louder if key.startswith("cls_head") else tensor for key, tensor in load_file(path).items()
        }
        save_file(state, path)
        blob = path.read_bytes()
        card += f'[[files]]\nname = "{name}"\nsha256 = "{hashlib.sha256(blob).hexdigest()}"\nsize = {len(blob)}\n'
        card += f'sources = ["file:{path.name}"]\n'
    recipe = 'people = "each"' + (f"\ntemperature = {temperature}" if temperature else "")
    (folder / "model.toml").write_text(card.replace('people = "together"', recipe))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "plain")


def pairs():
    """Two people in each clip, of whom the second is small and leaves."""
    for arms, legs in zip(people.labeled_clips(2), reversed(people.labeled_clips(2)), strict=True):
        scores = np.concatenate([arms.scores, legs.scores])
        scores[1, 10:] = 0
        yield replace(arms, keypoints=np.concatenate([arms.keypoints, legs.keypoints * 0.3]), scores=scores)


@pytest.fixture(scope="module")
def labeled_clips(model):
    """Clips of which the model calls three in four rightly."""
    actions = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,)))
    called = [(one, actions.recognize(as_video_poses(one)).scores.top(2)) for one in pairs()]
    return [replace(one, label=best[number == 0][0]) for number, (one, best) in enumerate(called)]


def measured(model, labeled_clips, temperature):
    """The mean negative log-likelihood and the calibration error of the predictions themselves."""
    config = PipelineConfig(classifiers=(model,), classifier_settings={"temperature": temperature})
    actions = ActionRecognizer.from_config(config)
    scores = [actions.recognize(as_video_poses(one)).scores for one in labeled_clips]
    truth = [
        float(one.probabilities[one.labels.index(labeled_clip.label)])
        for one, labeled_clip in zip(scores, labeled_clips, strict=True)
    ]
    best = [one.top(1)[0] for one in scores]
    right = [name == labeled_clip.label for (name, _), labeled_clip in zip(best, labeled_clips, strict=True)]
    return -np.log(truth).mean(), expected_calibration_error([score for _, score in best], right)


@pytest.fixture(scope="module")
def fitted(model, labeled_clips):
    return fit_temperature(model, labeled_clips)


def test_the_figures_are_those_of_the_predictions_themselves(model, labeled_clips, fitted):
    assert (fitted.nll_before, fitted.ece_before) == pytest.approx(measured(model, labeled_clips, 1.0), abs=1e-5)
    assert (fitted.nll_after, fitted.ece_after) == pytest.approx(
        measured(model, labeled_clips, fitted.temperature), abs=1e-5
    )
    assert fitted.clips == 4


def test_no_other_temperature_makes_the_true_labels_more_likely(model, labeled_clips, fitted):
    assert abs(fitted.temperature - 1) > 0.1
    assert fitted.found
    assert fitted.nll_after < fitted.nll_before - 0.001
    for factor in (0.95, 1.05):
        assert measured(model, labeled_clips, fitted.temperature * factor)[0] > fitted.nll_after


@pytest.mark.parametrize("louder", [0.5, 2.0])
def test_logits_times_c_want_c_times_the_temperature(labeled_clips, fitted, louder, tmp_path):
    scaled = fit_temperature(write_model(tmp_path / "model", louder=louder), labeled_clips)
    assert scaled.temperature == pytest.approx(louder * fitted.temperature, rel=0.01)
    assert scaled.nll_after == pytest.approx(fitted.nll_after, abs=1e-5)


def test_the_temperature_that_a_card_has_is_the_one_before_and_is_replaced(model, labeled_clips, fitted, tmp_path):
    warm = fit_temperature(write_model(tmp_path / "model", temperature=3.0), labeled_clips)
    assert warm.temperature == pytest.approx(fitted.temperature, rel=1e-3)
    assert warm.nll_before == pytest.approx(measured(model, labeled_clips, 3.0)[0], abs=1e-5)


def test_a_label_of_several_outputs_is_calibrated_by_its_sum(model, labeled_clips, tmp_path):
    folder = write_model(tmp_path / "model")
    (folder / "labels.txt").write_text("arms\nunknown\nunknown\n")
    several = [replace(one, label="arms" if one.label == "arms" else "unknown") for one in labeled_clips]
    found = fit_temperature(folder, several)
    assert (found.nll_before, found.ece_before) == pytest.approx(measured(folder, several, 1.0), abs=1e-5)
    assert (found.nll_after, found.ece_after) == pytest.approx(measured(folder, several, found.temperature), abs=1e-5)
    assert found.nll_before != pytest.approx(measured(model, labeled_clips, 1.0)[0], abs=1e-3)


def test_clips_in_which_nobody_is_found_are_left_out(model, labeled_clips, fitted):
    empty = replace(labeled_clips[0], name="empty", scores=np.zeros_like(labeled_clips[0].scores))
    assert fit_temperature(model, [*labeled_clips, empty]) == fitted
    with pytest.raises(BadDataset, match="no people in any of 1 clip to"):
        fit_temperature(model, [empty])
    with pytest.raises(BadDataset, match="in any of 0 clips"):
        fit_temperature(model, [])


def test_the_temperature_stays_in_its_bounds_where_every_answer_is_right(model, labeled_clips):
    right = [*labeled_clips[1:], replace(labeled_clips[0], label=labeled_clips[1].label)]
    bound = fit_temperature(model, right)
    assert bound.temperature == pytest.approx(calibration.MIN_TEMPERATURE, rel=0.01)
    assert not bound.found  # so that nobody takes it for a measurement


def test_labels_that_the_classifier_does_not_know_are_named(model, labeled_clips):
    with pytest.raises(BadDataset, match="does not know the labels swim"):
        fit_temperature(model, [replace(labeled_clips[0], label="swim")])


def test_a_classifier_without_logits_is_refused(model, labeled_clips, monkeypatch):
    monkeypatch.delattr("posec3d_cli.stages.classifiers.base.NetworkClassifier.logits")
    with pytest.raises(StageMismatch, match="offers no logits"):
        fit_temperature(model, labeled_clips)


LOGITS = st.lists(st.floats(-50, 50), min_size=3, max_size=3)


@given(LOGITS, st.floats(0.2, 5), st.floats(0.5, 2))
def test_only_the_ratio_of_logits_and_temperature_counts(logits, temperature, factor):
    values = np.array(logits, np.float32).reshape(1, 1, 3)
    there, scaled = (
        softmax_with_temperature(values, temperature),
        softmax_with_temperature(values * np.float32(factor), temperature * factor),
    )
    assert there.sum() == pytest.approx(1, abs=1e-5)
    assert scaled == pytest.approx(there, abs=1e-4)
    assert softmax_with_temperature(values, 2 * temperature).max() <= there.max() + 1e-6


def test_networks_and_views_are_averaged_after_the_softmax():
    values = np.log(np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.2, 0.8], [0.4, 0.6]]], np.float32))
    assert softmax_with_temperature(values, 1.0) == pytest.approx([0.5, 0.5])
    assert softmax_with_temperature(values[:1, :1], 2.0) == pytest.approx([3 / 4, 1 / 4])
    assert np.isfinite(softmax_with_temperature(np.array([[[1e4, -1e4]]], np.float32), 0.2)).all()


def test_the_calibration_error_of_a_case_done_by_hand():
    # Of ten bins, (0.5, 0.6] holds two clips, one right, and (0.9, 1] two, both right.
    error = expected_calibration_error([0.55, 0.6, 0.91, 1.0], [True, False, True, True], bins=10)
    assert error == pytest.approx(abs(0.5 - 0.575) / 2 + abs(1 - 0.955) / 2)
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0
    assert expected_calibration_error([1.0], [False]) == 1


def test_the_error_that_chance_makes_of_a_calibrated_model():
    assert error_if_calibrated([1.0, 1.0]) == 0
    assert error_if_calibrated([0.5]) == pytest.approx(0.5)  # right or wrong, it is half off
    # two answers in one bin: 0, 1 or 2 right with 1/4, 1/2, 1/4, and an error of 0.5, 0, 0.5
    assert error_if_calibrated([0.5, 0.5]) == pytest.approx(0.25, abs=0.03)
    generator = np.random.default_rng(5)
    sure = generator.random(2000)
    floor, found = error_if_calibrated(sure), expected_calibration_error(sure, generator.random(2000) < sure)
    assert 0.01 < floor < 0.04
    assert abs(found - floor) < 0.02
    assert error_if_calibrated(sure) == floor


ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


@given(ANSWERS, st.integers(1, 30))
def test_the_calibration_error_is_a_share_and_at_least_the_gap_overall(answers, bins):
    sure, right = zip(*answers, strict=True)
    error = expected_calibration_error(sure, right, bins)
    assert abs(np.mean(sure) - np.mean(right)) - 1e-9 <= error <= 1 + 1e-9
    assert expected_calibration_error(sure[::-1], right[::-1], bins) == pytest.approx(error)
    assert expected_calibration_error(sure * 3, right * 3, bins) == pytest.approx(error)


def test_coverage_of_a_case_done_by_hand():
    rows = coverage([0.2, 0.5, 0.7, 0.9], [False, True, False, True], [0, 0.5, 0.8, 0.95])
    assert rows == [(0, 1.0, 0.5), (0.5, 0.75, pytest.approx(2 / 3)), (0.8, 0.25, 1.0), (0.95, 0.0, None)]


@given(ANSWERS)
def test_a_larger_threshold_never_names_more(answers):
    sure, right = zip(*answers, strict=True)
    rows = coverage(sure, right, np.linspace(0, 1, 11).tolist())
    parts = [part for _, part, _ in rows]
    assert parts == sorted(parts, reverse=True)
    assert rows[0] == (0.0, 1.0, pytest.approx(np.mean(right)))
    assert all(share is None or 0 <= share <= 1 for _, _, share in rows)


@pytest.mark.parametrize("measure", [expected_calibration_error, lambda *lists: coverage(*lists, [0.5])])
@pytest.mark.parametrize("lists", [([], []), ([0.5], [True, False]), ([[0.5]], [[True]])])
def test_lists_that_do_not_fit_are_refused(measure, lists):
    with pytest.raises(ValueError, match="must be as many, at least one"):
        measure(*lists)

"""`posec3d train`, on a small dataset pickle."""

from __future__ import annotations

import pytest
import synthetic_people as people

from posec3d_cli.hub.catalog import load_card

TINY = (
    "--epochs", 2, "--width", 4, "--size", 16, "--frames", 8, "--batch-size", 8, "--device", "cpu", "--offline",
    "--val-share", 0.25,
)  # fmt: skip


@pytest.fixture
def dataset_pickle(tmp_path):
    return people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(4))


def test_a_dataset_pickle_becomes_a_model_that_evaluate_takes(posec3d, dataset_pickle, tmp_path):
    model = tmp_path / "my model"
    ran = posec3d("train", dataset_pickle, "-o", model, *TINY)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["all", "pack", "all, harder", "model"]
    assert "of 2 validation clips" in lines[0]
    assert "1 of 2: loss" in ran.err
    assert "2 of 2: loss" in ran.err
    card = load_card(model, "classifier")
    assert card.labels == ("arms", "legs")
    assert card.recipe["people"] == "each"
    assert card.recipe["clip"]["window_seconds"] == 2.0
    assert f"posec3d train {dataset_pickle} -o '{model}'" in (model / "README.md").read_text()
    asked = posec3d("evaluate", dataset_pickle, "--classifier", model, "--device", "cpu", "--offline", "--json")
    assert asked.code == 0, asked.err
    assert '"clips": 8' in asked.out


def test_the_network_and_its_precision_can_be_chosen(posec3d, dataset_pickle, tmp_path):
    model = tmp_path / "model"
    ran = posec3d(
        "train", dataset_pickle, "-o", model, *TINY, "--arch", "x3d-shallow", "--stream", "limb", "--precision", "bf16"
    )
    assert ran.code == 0, ran.err
    recipe = load_card(model, "classifier").recipe
    assert (recipe["architecture"], recipe["heatmaps"]["channels"]) == ("x3d-shallow", "limbs")


def test_a_network_of_frames_wants_videos_before_any_pose_is_estimated(posec3d, dataset_pickle, tmp_path):
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", "--arch", "rgbpose", "--pretrained", "none")
    assert ran.code == 1
    assert "rgbpose reads the frames of the videos" in " ".join(ran.err.split())
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--arch", "slowonly", "--lateral", "both"], "has no pathways to join"),
        (["--arch", "rgb-only", "--joint-loss"], "has no pathways to join"),
        (["--arch", "rgbpose", "--pretrained", "posec3d-daily"], "starts from two models"),
        (["--arch", "rgbpose", "--frames", "10"], "a multiple of 4"),
    ],
)
def test_options_of_networks_of_frames_that_do_not_suit_are_refused(options, said, posec3d, dataset_pickle, tmp_path):
    options = options if "--pretrained" in options else [*options, "--pretrained", "none"]
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", *options)
    assert ran.code in (1, 2)
    assert said in " ".join(ran.err.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--interactions", "arm"], "the interaction 'arm' is no label of the clips hint: did you mean 'arms'?"),
        (["--interactions", "arms,legs"], "all labels are interactions, and nothing is left that one person does"),
        (["--interactions", "arms", "--people", "together"], "read in pairs of people"),
        (["--interactions", "arms", "--arch", "rgb-only"], "reads frames, and pairs of people are read in poses alone"),
    ],
)
def test_interactions_that_do_not_suit_are_refused_before_anything_is_trained(
    options, said, posec3d, dataset_pickle, tmp_path
):
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", "--pretrained", "none", *options)
    assert ran.code == 1
    assert said in " ".join(ran.err.split())
    assert not (tmp_path / "model").exists()


def test_a_graph_network_is_trained_and_evaluated(posec3d, dataset_pickle, tmp_path):
    model = tmp_path / "model"
    ran = posec3d("train", dataset_pickle, "-o", model, *TINY[:2], *TINY[6:], "--arch", "stgcn++", "--width", 8)
    assert ran.code == 0, ran.err
    assert load_card(model, "classifier").stage == "stgcn"


def test_a_training_goes_on_or_begins_anew_only_when_asked(posec3d, dataset_pickle, tmp_path):
    model = tmp_path / "model"
    assert posec3d("train", dataset_pickle, "-o", model, *TINY).code == 0
    again = posec3d("train", dataset_pickle, "-o", model, *TINY)
    assert again.code == 1
    assert "already holds a training" in again.err
    assert "usable" not in again.out + again.err  # said before the clips were even read
    on = posec3d("train", dataset_pickle, "-o", model, *TINY, "--resume")
    assert on.code == 0, on.err
    assert "loss" not in on.err  # every epoch is done
    longer = posec3d("train", dataset_pickle, "-o", model, *TINY[2:], "--epochs", 3, "--resume")
    assert longer.code == 1
    assert "another epochs: 2, now it is 3" in longer.err
    assert posec3d("train", dataset_pickle, "-o", model, *TINY, "--resume", "--overwrite").code == 2


def test_a_training_begins_from_another_model(posec3d, dataset_pickle, tmp_path):
    assert posec3d("train", dataset_pickle, "-o", tmp_path / "first", *TINY).code == 0
    more = people.write_dataset_pickle(
        tmp_path / "more.pkl",
        [*people.labeled_clips(4), *(people.labeled_clip("arms", number) for number in range(20, 24))],
    )
    begun = ("--pretrained", tmp_path / "first", "--epochs", 1, "--batch-size", 8, "--device", "cpu", "--offline")
    ran = posec3d("train", more, "-o", tmp_path / "second", *begun)
    assert ran.code == 0, ran.err
    assert load_card(tmp_path / "second").recipe["network"] == load_card(tmp_path / "first").recipe["network"]
    odd = posec3d("train", more, "-o", tmp_path / "third", *begun, "--arch", "slowonly")
    assert odd.code == 1
    assert "got slowonly" in odd.err


@pytest.mark.parametrize(
    ("source", "message"),
    [("none.pkl", "neither a folder"), ("text.pkl", "no readable pickle"), ("empty", "no labelled clips")],
)
def test_a_wrong_source_is_an_error(posec3d, tmp_path, monkeypatch, source, message):
    from posec3d_cli.extraction.extractor import PoseExtractor

    monkeypatch.setattr(PoseExtractor, "from_config", lambda *_, **__: None)
    (tmp_path / "text.pkl").write_text("not a pickle")
    (tmp_path / "empty").mkdir()
    ran = posec3d("train", tmp_path / source, "-o", tmp_path / "model", *TINY)
    assert ran.code == 1
    assert message in ran.err
    assert ran.out == ""


def test_a_single_action_is_an_error(posec3d, tmp_path):
    dataset_pickle = people.write_dataset_pickle(
        tmp_path / "pack.pkl", [people.labeled_clip("arms", number) for number in range(3)]
    )
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", *TINY)
    assert ran.code == 1
    assert "at least two labels, got arms" in ran.err


def test_a_table_that_is_not_there_is_an_error(posec3d, dataset_pickle, tmp_path):
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", "--label-map", tmp_path / "none.csv", *TINY)
    assert ran.code == 1
    assert "none.csv cannot be read" in ran.err


@pytest.mark.parametrize(
    "option", [("--people", "nobody"), ("--epochs", 0), ("--width", 2), ("--val-share", 1), ("--arch", "resnet")]
)
def test_a_wrong_option_is_wrong_usage(posec3d, dataset_pickle, tmp_path, option):
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", *option)
    assert ran.code == 2
    assert not (tmp_path / "model").exists()


def test_clips_that_teach_nothing_are_named(posec3d, tmp_path):
    dataset_pickle = people.write_dataset_pickle(
        tmp_path / "pack.pkl", [*people.labeled_clips(4), people.labeled_clip("arms", 9, frames=5)]
    )
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", *TINY)
    assert ran.code == 0, ran.err
    assert "left out: pack/arms_9: it has 5 frames, fewer than 8" in ran.err


def test_the_splits_of_a_dataset_pickle_are_taken(posec3d, tmp_path):
    split = {"train": ["arms_0", "arms_1", "legs_0", "legs_1"], "val": ["arms_2", "legs_2"], "more": ["arms_3"]}
    dataset_pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(4), split=split)
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", *TINY)
    assert ran.code == 0, ran.err
    assert (
        "note:  pack.pkl: its split train (4 clips) is for training, its split val (2 clips) is for validation"
        in ran.err
    )
    assert (tmp_path / "model" / "held_out.txt").read_text().splitlines() == ["pack/arms_2", "pack/legs_2"]
    ran = posec3d(
        "train", dataset_pickle, "-o", tmp_path / "other", *TINY, "--val-split", "more", "--train-split", "train"
    )
    assert ran.code == 0, ran.err
    assert (tmp_path / "other" / "held_out.txt").read_text().splitlines() == ["pack/arms_3"]
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "none", *TINY, "--val-split", "dev")
    assert ran.code == 1
    assert "has no split 'dev'" in ran.err


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "clips"
    for one in people.labeled_clips(3):
        (folder / one.label).mkdir(parents=True, exist_ok=True)
        people.write_dataset_pickle(folder / one.label / f"{one.name.rpartition('/')[2]}.pkl", [one])
    return folder


def test_a_list_names_clips_by_their_files_and_is_checked_before_poses_are_estimated(
    posec3d, folder, tmp_path, monkeypatch
):
    (tmp_path / "held.txt").write_text("\ufeffarms_1.pkl\nlegs/legs_2.pkl\n", encoding="utf-8")
    command = ("train", folder, "-o", tmp_path / "model", *TINY[:-2], "--val-list", tmp_path / "held.txt")
    ran = posec3d(*command)
    assert ran.code == 0, ran.err
    held = (tmp_path / "model" / "held_out.txt").read_text().splitlines()
    assert held == ["clips/arms/arms_1.pkl", "clips/legs/legs_2.pkl"]
    monkeypatch.setattr("posec3d_cli.cli.train.find_people", lambda *_, **__: pytest.fail("too late"))
    (tmp_path / "held.txt").write_text("arms_9.pkl\n")
    ran = posec3d(*command, "--overwrite")
    assert ran.code == 1
    assert "1 of the 1 clips listed are not in the data, the first is 'arms_9.pkl'" in ran.err
    assert posec3d(*command, "--overwrite", "--val-split", "val").code == 2


def test_the_paths_of_a_table_begin_in_the_root(posec3d, folder, tmp_path):
    table = tmp_path / "tables" / "mine.csv"
    table.parent.mkdir()
    table.write_text(
        "Video;Label\n" + "".join(f"{p.parent.name}\\{p.name};{p.parent.name}\n" for p in folder.glob("*/*"))
    )
    lost = posec3d("train", table, "-o", tmp_path / "model", *TINY)
    assert lost.code == 1
    assert "--root DIR names another folder" in " ".join(lost.err.split())
    ran = posec3d("train", table, "-o", tmp_path / "model", *TINY, "--root", folder)
    assert ran.code == 0, ran.err


def test_predictions_are_learnt_from_only_when_asked_for(posec3d, folder, tmp_path):
    rows = [f"{p.parent.name}/{p.name},ok,{p.parent.name},,0.9," for p in sorted(folder.glob("*/*"))]
    head = "video,status,label,corrected,score,guess"
    (folder / "labels.csv").write_text("\n".join([head, *rows]))
    command = ("train", folder, "-o", tmp_path / "model", *TINY)
    refused = posec3d(*command)
    assert refused.code == 1
    assert "is a table of predictions, and none of its 6 rows is corrected" in refused.err
    assert "--pseudo-labels" in refused.err
    ran = posec3d(*command, "--pseudo-labels")
    assert ran.code == 0, ran.err
    assert "6 rows are taken as predicted, 0 as corrected" in ran.err
    assert (tmp_path / "model" / "held_out.txt").read_text() == "", "predictions are no truth to measure against"
    corrected = [
        rows[0].replace(",,", ",wave,", 1),
        rows[1].replace(",,", ",wave,", 1),
        rows[4].replace(",,", ",legs,", 1),
    ]
    (folder / "labels.csv").write_text("\n".join([head, *corrected, rows[2]]))
    ran = posec3d(*command, "--overwrite")
    assert ran.code == 0, ran.err
    assert "only its corrected rows are used, 3 of 4" in ran.err
    assert load_card(tmp_path / "model", "classifier").labels == ("legs", "wave")


def test_data_that_is_not_there_is_found_before_the_model_to_begin_from_is_loaded(posec3d, tmp_path):
    ran = posec3d("train", tmp_path / "none", "-o", tmp_path / "model", *TINY, "--pretrained", "nonsense")
    assert "is neither a folder of labelled clips" in ran.err
    (tmp_path / "file").touch()
    ran = posec3d("train", tmp_path / "none", "-o", tmp_path / "file", *TINY)
    assert "file is a file" in ran.err


@pytest.mark.parametrize("other", ["--val-split=val", "--val-share=0.2", "--group-by=x"])
def test_a_list_to_validate_on_and_another_choice_contradict_each_other(posec3d, dataset_pickle, tmp_path, other):
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "out", "--val-list", tmp_path / "list.txt", other)
    assert ran.code == 2
    assert "contradict each other" in ran.err


def test_objects_are_reported_and_read_where_they_help_unless_none_are_asked_for(posec3d, tmp_path):
    clips = people.holding(8, {"catch": "sports ball", "pour": "cup"})
    pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", clips)
    ran = posec3d("train", pickle, "-o", tmp_path / "model", *TINY)
    assert ran.code == 0, ran.err
    [line] = [line for line in ran.out.splitlines() if line.startswith("Objects are read, at strength")]
    assert "4 of 4 validation clips are right with them" in line
    rows = [line.split() for line in ran.err.splitlines()]
    assert ["catch", "8", "sports", "ball", "8"] in rows
    assert ["pour", "8", "cup", "8"] in rows
    assert [file.name for file in load_card(tmp_path / "model").files] == ["weights", "objects"]
    ran = posec3d("train", pickle, "-o", tmp_path / "plain", *TINY, "--objects", "none")
    assert ran.code == 0, ran.err
    assert "Objects" not in ran.out
    assert [file.name for file in load_card(tmp_path / "plain").files] == ["weights"]
    assert posec3d("train", pickle, "-o", tmp_path / "other", *TINY, "--objects", "some").code == 2

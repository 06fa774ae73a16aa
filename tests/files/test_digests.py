"""Files among the settings of stages count by what they hold."""

from __future__ import annotations

import hashlib

from posec3d_cli.batch.task import Models
from posec3d_cli.files.digests import files_named


def test_only_settings_that_name_files_are_hashed(tmp_path):
    file = tmp_path / "config.py"
    file.write_bytes(b"x = 1")
    options = {"config": str(file), "weights": file, "folder": str(tmp_path), "batch": 4, "name": "config.py"}
    digest = hashlib.sha256(b"x = 1").hexdigest()
    assert files_named(options) == {"config": digest, "weights": digest}


def test_what_was_done_is_done_again_when_a_setting_or_the_file_that_it_names_changes(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"one")

    def fingerprint(**options):
        return Models(**options).fingerprint("detector", "pose")

    before = fingerprint(pose_options={"weights": str(file)})
    assert before == fingerprint(pose_options={"weights": str(file)})
    assert before != fingerprint(detector_options={"weights": str(file)})
    assert before != fingerprint()
    file.write_bytes(b"two")
    assert before != fingerprint(pose_options={"weights": str(file)})


def test_where_people_are_looked_for_changes_what_is_found():
    assert Models(detect_every=3).fingerprint("detector") != Models().fingerprint("detector")


def test_settings_of_a_stage_that_takes_no_part_change_nothing():
    models = Models(classifier_options={"people": "each"})
    assert models.fingerprint("detector") == Models().fingerprint("detector")
    assert models.fingerprint("classifier") != Models().fingerprint("classifier")

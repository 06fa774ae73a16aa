"""What Sports2D writes: a table of markers per person."""

from __future__ import annotations

import numpy as np
import pose_file_factory as factory
import pytest

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import is_pose_file, read_pose_file

NAME = "walk_Sports2D_px_person00.trc"


@pytest.fixture
def folder(tmp_path):
    return factory.sports2d(tmp_path)


def without(text, marker):
    """The table with another name for a marker."""
    return text.replace(f"\t{marker}\t", "\tOther\t")


def test_people_are_numbered_as_their_tables_are(folder):
    other = folder / NAME.replace("00", "03")
    other.write_text("\n".join((folder / NAME).read_text().splitlines()[:-2]))
    [clip] = read_pose_file(folder)
    assert [who.tolist() for who in clip.track_ids] == [[0, 3]] * 4 + [[0]] * 2


def test_joints_that_the_model_has_not_and_empty_cells_are_missing(folder):
    text = without((folder / NAME).read_text(), "LEye")
    rows = [line.split("\t") for line in text.splitlines()]
    rows[5][2:4] = "", ""
    (folder / NAME).write_text("\n".join("\t".join(row) for row in rows))
    [clip] = read_pose_file(folder)
    assert clip.poses[0].scores[0].tolist() == [0, 0, *[1] * 15]
    assert clip.poses[1].scores[0].tolist() == [1, 0, *[1] * 15]
    assert np.allclose(clip.poses[1].keypoints[0, 2:], factory.keypoints()[1, 2:], atol=0.01)


def test_tables_without_a_joint_of_the_body_are_refused(folder):
    (folder / NAME).write_text(without((folder / NAME).read_text(), "RHip"))
    with pytest.raises(BadPoseFile, match=rf"{NAME}: it lacks the markers RHip"):
        read_pose_file(folder)


def test_tables_in_metres_alone_are_no_clip_and_called_pixels_are_refused(folder):
    (folder / NAME).unlink()
    assert not is_pose_file(folder)
    (folder / "walk_Sports2D_m_person00.trc").rename(folder / NAME)
    with pytest.raises(BadPoseFile, match="not in pixels"):
        read_pose_file(folder)


def test_a_cell_that_is_no_number_is_named(folder):
    (folder / NAME).write_text((folder / NAME).read_text().replace("\n2\t", "\nx\t"))
    with pytest.raises(BadPoseFile, match=rf"{NAME}: line 8 holds 'x' where a number belongs"):
        read_pose_file(folder)

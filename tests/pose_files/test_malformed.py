"""Whatever is in a file, reading it gives clips or one of our own errors."""

from __future__ import annotations

import json
import pickle
import zipfile
from io import BytesIO

import numpy as np
import pose_file_factory as factory
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.errors import BadPoseFile, PoseC3DError
from posec3d_cli.pose_files import read_pose_file

QUICK = settings(deadline=None, max_examples=100)
OTHERS = ("our archive", "our pickle", "pyskl pickle", "Ultralytics label texts", "Sports2D")
JSON_FORMATS = [form for form in factory.FORMATS if form not in OTHERS]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([-1, 2**31, 2**63, 10**20, 10**400, 1e300, 1e-300, float("nan"), float("inf"), -1e6]),
    st.text(max_size=3),
    st.lists(st.one_of(st.integers(-2, 40), st.none(), st.lists(st.integers(0, 3), max_size=2)), max_size=4),
    st.dictionaries(st.sampled_from(["x", "frame", "keypoints"]), st.integers(-1, 1), max_size=2),
    st.integers(1, 200).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)
ARRAYS = st.builds(
    lambda shape, dtype, value: np.full(shape, value).astype(dtype),
    st.lists(st.sampled_from([0, 1, 2, 3, 6, 17]), max_size=5),
    st.sampled_from(["float16", "float32", "float64", "int64", "int8", "bool", "U3", "complex64", "M8[s]", "S2"]),
    st.sampled_from([0, 1, -1]),
)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A file of every format, and a place to spoil them in."""
    folder = tmp_path_factory.mktemp("samples")
    return folder, {form: make(folder) for form, make in factory.FORMATS.items()}


def read(path):
    """Read a file as predict and, where it is a dataset pickle, as train does: nothing but our errors may come out."""
    refusals = []
    try:
        clips = read_pose_file(path)
    except PoseC3DError as error:
        clips = []
        refusals.append(error.what)
    if path.suffix == ".pkl":
        try:
            read_dataset_pickle(path)
        except PoseC3DError as error:
            refusals.append(error.what)
    assert all(what.count(str(path)) == 1 for what in refusals)
    for clip in clips:
        clip.part(clip.frame_indices[:1]).tracks()
        assert clip.video.frame_count > clip.frame_indices[-1]
        assert all(np.isfinite(poses.keypoints).all() for poses in clip.poses)
        assert all(((poses.scores >= 0) & (poses.scores <= 1)).all() for poses in clip.poses)
        assert all(np.isfinite(found.boxes).all() for found in clip.detections)
        tracks = clip.object_tracks()
        assert tracks is None or (
            np.isfinite(tracks.boxes).all() and ((tracks.scores >= 0) & (tracks.scores <= 1)).all()
        )


def places(tree, here=()):
    """The way to every value of a JSON tree, long lists by their first and last entries."""
    yield here
    if isinstance(tree, dict):
        for key in tree:
            yield from places(tree[key], (*here, key))
    elif isinstance(tree, list):
        for number in sorted({0, 1, len(tree) - 1} & set(range(len(tree)))):
            yield from places(tree[number], (*here, number))


def changed(tree, way, change):
    """The tree with the value at `way` changed: replaced, removed or repeated."""
    if not way:
        return change[1] if change[0] == "replace" else tree
    key, rest = way[0], way[1:]
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if rest or change[0] == "replace":
        copy[key] = changed(copy[key], rest, change)
    elif change[0] == "remove":
        del copy[key]
    elif isinstance(copy, list):
        copy.insert(key, copy[key])
    return copy


CHANGES = st.one_of(st.tuples(st.just("replace"), ODD), st.just(("remove", None)), st.just(("repeat", None)))


@QUICK
@given(content=st.binary(max_size=60), suffix=st.sampled_from([".npz", ".json", ".pkl"]))
def test_arbitrary_bytes_are_read_or_refused(samples, content, suffix):
    path = samples[0] / f"arbitrary{suffix}"
    path.write_bytes(content)
    read(path)


@settings(deadline=None, max_examples=300)
@given(form=st.sampled_from(JSON_FORMATS), where=st.integers(0, 10**6), change=CHANGES, again=CHANGES)
def test_json_with_wrong_values_is_read_or_refused(samples, form, where, change, again):
    folder, files = samples
    source = files[form]
    if source.is_dir():
        source = sorted(source.iterdir())[0]
    tree = json.loads(source.read_text())
    for each in (change, again):
        ways = list(places(tree))
        tree = changed(tree, ways[where % len(ways)], each)
    if files[form].is_dir():
        path = folder / "mutated"
        path.mkdir(exist_ok=True)
        (path / source.name).write_text(json.dumps(tree))
    else:
        path = folder / "mutated.json"
        path.write_text(json.dumps(tree))
    read(path)


@QUICK
@given(form=st.sampled_from(sorted(factory.FORMATS)), share=st.floats(0, 1), flip=st.integers(0, 255))
def test_files_that_were_cut_off_or_damaged_are_read_or_refused(samples, form, share, flip):
    folder, files = samples
    if files[form].is_dir():
        return
    content = bytearray(files[form].read_bytes())
    place = int(share * (len(content) - 1))
    path = folder / f"damaged{files[form].suffix}"
    if flip:
        content[place] ^= flip
        path.write_bytes(content)
    else:
        path.write_bytes(content[:place])
    read(path)


LINES = st.lists(
    st.one_of(
        st.sampled_from(["0", "1", "0.5", "nan", "inf", "-1", "1e400", "7", "x", "0,5", "²"]), st.text(max_size=3)
    ),
    max_size=60,
).map(" ".join)


@QUICK
@given(line=LINES, size=st.one_of(st.just("320 240"), st.text(max_size=12)), keep=st.integers(0, 58), more=LINES)
def test_label_texts_with_wrong_lines_are_read_or_refused(samples, line, size, keep, more):
    folder, files = samples
    source = files["Ultralytics label texts"] / "walk_1.txt"
    path = folder / "labels-mutated"
    path.mkdir(exist_ok=True)
    (path / "walk_1.txt").write_text(source.read_text())
    (path / "walk_2.txt").write_text(line, encoding="utf-8")
    (path / "walk_3.txt").write_text(" ".join([*source.read_text().split()[:keep], more]), encoding="utf-8")
    (path / "frame-size.txt").write_text(size, encoding="utf-8")
    read(path)


@QUICK
@given(line=st.integers(0, 10), cell=st.integers(0, 60), value=st.one_of(LINES, st.text(max_size=3)), cut=st.booleans())
def test_tables_of_markers_with_wrong_cells_are_read_or_refused(samples, line, cell, value, cut):
    folder, files = samples
    path = folder / "sports2d-mutated"
    path.mkdir(exist_ok=True)
    source = files["Sports2D"] / "walk_Sports2D_px_person00.trc"
    rows = [row.split("\t") for row in source.read_text().splitlines()]
    rows[line][min(cell, len(rows[line]) - 1)] = value
    if cut:
        del rows[line + 1 :]
    (path / source.name).write_text("\n".join("\t".join(row) for row in rows), encoding="utf-8")
    read(path)


@QUICK
@given(content=st.binary(max_size=60), name=st.sampled_from(["walk_3.txt", "frame-size.txt"]))
def test_label_texts_of_arbitrary_bytes_are_read_or_refused(samples, content, name):
    folder, files = samples
    path = folder / "labels-arbitrary"
    path.mkdir(exist_ok=True)
    for file in files["Ultralytics label texts"].iterdir():
        (path / file.name).write_bytes(content if file.name == name else file.read_bytes())
    read(path)


@settings(deadline=None, max_examples=200)
@given(data=st.data(), form=st.sampled_from(["our pickle", "pyskl pickle"]), value=st.one_of(ODD, ARRAYS))
def test_dataset_pickles_with_wrong_values_are_read_or_refused(samples, data, form, value):
    folder, files = samples
    content = pickle.loads(files[form].read_bytes())
    annotation = content["annotations"][0]
    owner = data.draw(st.sampled_from([content, annotation]))
    owner[data.draw(st.sampled_from([*owner, "classes", "joints", "frame_indices"]))] = value
    path = folder / "mutated.pkl"
    path.write_bytes(pickle.dumps(content))
    read(path)


@settings(deadline=None, max_examples=200)
@given(data=st.data(), value=ARRAYS)
def test_archives_with_wrong_arrays_are_read_or_refused(samples, data, value):
    folder, files = samples
    with np.load(files["our archive"]) as archive:
        arrays = dict(archive)
    name = data.draw(st.sampled_from(sorted(arrays)))
    if data.draw(st.booleans()):
        arrays[name] = value
    else:
        arrays[name] = arrays[name][..., :-1] if arrays[name].ndim else arrays[name]
    path = folder / "mutated.npz"
    np.savez(path, **arrays)
    read(path)


def test_an_archive_with_a_pickled_object_is_refused(samples, tmp_path):
    with np.load(samples[1]["our archive"]) as archive:
        arrays = dict(archive)
    np.savez(tmp_path / "objects.npz", **{**arrays, "person": np.array([None] * 6, object)})
    with pytest.raises(BadPoseFile, match="person holds pickled objects"):
        read_pose_file(tmp_path / "objects.npz")


def test_an_array_that_lies_about_its_size_is_refused_before_room_is_made(samples, tmp_path):
    head = BytesIO()
    np.lib.format.write_array_header_1_0(head, {"shape": (10**12, 17, 2), "fortran_order": False, "descr": "<f4"})
    path = tmp_path / "lies.npz"
    with zipfile.ZipFile(samples[1]["our archive"]) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, head.getvalue() if name == "keypoints.npy" else old.read(name))
    with pytest.raises(BadPoseFile, match="keypoints does not have the size that its header states"):
        read_pose_file(path)


class Shaped:
    """Pickles as an array of any shape, without its values."""

    def __init__(self, shape):
        self.shape = shape

    def __reduce__(self):
        return np.ndarray, (self.shape, "<f4")


def test_a_dataset_pickle_whose_array_is_larger_than_the_file_is_refused(tmp_path):
    path = factory.pyskl_pickle(tmp_path, keypoint=Shaped((1, 10**6, 17, 2)))
    with pytest.raises(BadPoseFile, match="more than the file"):
        read_pose_file(path)


@pytest.mark.parametrize(
    ("form", "change", "message"),
    [
        ("our document", {"frame_count": 5}, "frame_count must be a whole number from 6"),
        ("our document", {"frame_count": 10**9}, "frame_count must be a whole number"),
        ("our document", {"fps": [1, 1000]}, "fps must lie between"),
        ("our document", {"fps": [25, 0]}, "fps must be whole numbers from 1"),
        ("our document", {"frame_size": [0, 10]}, "frame_size must be whole numbers from 1"),
        ("our document", {"start": "late"}, "start must be numbers"),
        ("our document", {"start": None}, "start must be a finite number of seconds"),
        ("our document", {"boundaries": [0, 1]}, r"boundaries must have shape \(7\)"),
        (
            "our document",
            {"boundaries": [0, 1, 2, 3, 4, 6, 5]},
            "boundaries must be seconds that begin at 0 and increase",
        ),
        (
            "our document",
            {"boundaries": [1, 2, 3, 4, 5, 6, 7]},
            "boundaries must be seconds that begin at 0 and increase",
        ),
        ("our document", {"boundaries": [0, 1, 2, 3, 4, 5, None]}, "boundaries must be seconds that begin at 0"),
        ("our document", {"version": 2}, "version 2 of posec3d/poses is not known"),
        ("our document", {"joints": ["nose"]}, "joints lacks the joints left_eye"),
        ("our document", {"frames": []}, "holds no frame"),
        (
            "our document",
            {"object_names": ["cup"]},
            r"frames\[0\].objects\[0\].class 'sports ball' is not among object_",
        ),
        ("our document", {"object_names": ["cup", "cup"]}, "object_names must be different texts"),
        ("our document", {"object_names": None}, "object_names must be a list"),
        ("MediaPipe", {"fps": -25}, "fps must lie between"),
        ("MediaPipe", {"width": None}, "frame whose size it does not say"),
        ("COCO annotations", {"images": []}, "names the image 900"),
        ("mmpose demo", {"instance_info": {}}, "instance_info must be a list"),
    ],
)
def test_a_wrong_value_is_named(samples, tmp_path, form, change, message):
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({**json.loads(samples[1][form].read_text()), **change}))
    with pytest.raises(BadPoseFile, match=message) as caught:
        read_pose_file(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("form", "change", "message"),
    [
        ("AlphaPose COCO", {"keypoints": [1, 2]}, r"\[0\].keypoints must hold x, y, score of every joint, got 2"),
        ("AlphaPose COCO", {"keypoints": [1, "2", 3] * 17}, r"\[0\].keypoints must be numbers"),
        ("AlphaPose COCO", {"keypoints": [1, [2], 3] * 17}, r"\[0\].keypoints must be an even table"),
        ("AlphaPose COCO", {"keypoints": [1, 2, 3] * 15}, r"has 15 joints, expected 17, 26, 133, 136"),
        ("AlphaPose COCO", {"keypoints": [1, 10**7, 3] * 17}, "a joint lies more than 100000 pixels away"),
        ("AlphaPose COCO", {"box": [1, 2, -3, 4]}, "is inside out"),
        ("AlphaPose COCO", {"image_id": "frame.jpg"}, "names are of several videos: 'frame.jpg', '1.jpg'"),
        ("AlphaPose COCO", {"image_id": "0001.jpg"}, "two names are of the same frame: '0001.jpg', '1.jpg'"),
        ("AlphaPose COCO", {"image_id": -1}, r"image_id must be a whole number"),
        ("AlphaPose COCO", {"image_id": "1000000000.jpg"}, "its frames reach from 1 to 1000000000"),
        ("AlphaPose COCO", {"image_id": 7}, r"\[1\].image_id must be a whole number from 0 to .*, got '1.jpg'"),
        ("COCO results", {"image_id": 10**9}, "its frames reach from 1 to 1000000000"),
        ("COCO results", {"keypoints": None}, r"\[0\].keypoints must"),
        ("mmpose inferencer", {"frame_id": 1}, "frame 1 is there twice"),
        ("mmpose inferencer", {"instances": [{"keypoints": [[1, 2]]}]}, "keypoint_scores must have shape"),
    ],
)
def test_a_wrong_value_in_a_list_is_named(samples, tmp_path, form, change, message):
    first, *others = json.loads(samples[1][form].read_text())
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps([{**first, **change}, *others]))
    with pytest.raises(BadPoseFile, match=message) as caught:
        read_pose_file(path)
    assert caught.value.hint


@pytest.mark.parametrize("depth", [1, 2, 31, 32, 33, 63, 64, 65, 500])
def test_a_table_of_any_depth_is_refused(tmp_path, depth):
    """NumPy counts up to 64 dimensions, and its iterators only up to 32."""
    file = tmp_path / "deep.json"
    file.write_text('[{"image_id": "1.jpg", "score": 1, "keypoints": ' + "[" * depth + "]" * depth + "}]")
    with pytest.raises(BadPoseFile):
        read_pose_file(file)


def test_an_empty_array_of_complex_numbers_is_an_empty_one():
    from posec3d_cli.pose_files.checks import numbers

    found = numbers(np.zeros((0, 2), np.complex128), "boxes", "N", 2)
    assert (found.shape, found.dtype) == ((0, 2), np.float64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"object_count": None}, None),
        ({"object_box": None}, "it lacks object_box"),
        ({"object_names": None}, "it lacks object_names"),
        ({"object_names": ["cup"]}, "object_class must be whole numbers from 0 to 0"),
        ({"object_names": []}, "it holds 3 objects, and object_names is empty"),
        ({"object_names": ["cup", ""]}, "object_names must be different texts"),
        ({"object_count": [1, -1, 1, 0, 0, 0]}, r"object_box must have shape \(2, 4\), got \(3, 4\)"),
        ({"object_count": [1, -1, 1, 0, 1]}, r"object_count must have shape \(6\), got \(5,\)"),
        ({"object_count": [1, -2, 1, 0, 1, 0]}, "object_count must be whole numbers from -1"),
        ({"object_score": [0.5, np.nan, 0.5]}, "scores of objects must be numbers"),
        ({"object_box": [[0, 0, 9, 9]] * 2 + [[9, 0, 8, 9]]}, "the box of an object is inside out"),
        ({"object_box": [[0, 0, 9, 9]] * 2 + [[0, 0, 10**6, 9]]}, "the box of an object is inside out, too far"),
        ({"object_box": [[0, 0, 9, 9]] * 2 + [[0, 0, np.inf, 9]]}, "the box of an object is inside out, too far"),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
def test_wrong_objects_are_named(tmp_path, suffix, change, message):
    path = factory.ours(tmp_path, suffix)
    if suffix == ".npz":
        with np.load(path) as archive:
            values = dict(archive)
    else:
        content = pickle.loads(path.read_bytes())
        [values] = content["annotations"]
    for name, value in change.items():
        if value is None:
            del values[name]
        else:
            values[name] = list(value) if suffix == ".pkl" and name == "object_names" else np.array(value)
    if suffix == ".npz":
        np.savez(path, **values)
    else:
        path.write_bytes(pickle.dumps(content))
    if message is None:
        assert [found.objects for found in read_pose_file(path)[0].detections] == [None] * factory.FRAMES
        return
    with pytest.raises(BadPoseFile, match=message) as caught:
        read_pose_file(path)
    assert str(path) in caught.value.what


def test_scores_of_objects_are_cut_like_those_of_people(tmp_path):
    path = factory.rewritten(
        factory.ours(tmp_path, ".json"), lambda content: content["frames"][0]["objects"][0].update(score=1.5)
    )
    assert read_pose_file(path)[0].detections[0].objects.scores.tolist() == [1]

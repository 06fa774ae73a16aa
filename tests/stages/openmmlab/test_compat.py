"""What is put in place of packages, only where they do not load, and only when a stage asks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from posec3d_cli.errors import StageUnavailable
from posec3d_cli.runtime.installation import how_to_add
from posec3d_cli.stages.openmmlab import compat
from posec3d_cli.stages.openmmlab.mmcv_ops import Operators


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages of these tests, forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - set(before):
        del sys.modules[name]


def package(site, name, **modules):
    (site / name).mkdir()
    (site / name / "__init__.py").write_text("")
    for module, text in modules.items():
        (site / name / f"{module}.py").write_text(text)


def test_importing_posec3d_changes_nothing_for_others():
    program = (
        "import sys, posec3d_cli.stages.detectors.mmdet, posec3d_cli.stages.pose_estimators.mmpose\n"
        "import posec3d_cli.stages.openmmlab.mmcv_ops\n"
        "assert not {n for n in sys.modules if n.split('.')[0] in ('mmcv', 'mmengine', 'mmdet', 'mmpose', "
        "'xtcocotools', 'pycocotools')}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_our_operators_take_the_place_of_those_that_are_not_there(site):
    package(site, "mmcv")
    compat.use_operators()
    import mmcv
    from mmcv import _ext

    assert isinstance(_ext, Operators)
    assert mmcv._ext is sys.modules["mmcv._ext"] is _ext
    compat.use_operators()
    assert sys.modules["mmcv._ext"] is _ext


def test_compiled_operators_are_left_alone(site):
    package(site, "mmcv", _ext="nms = 1")
    compat.use_operators()
    assert sys.modules["mmcv._ext"].nms == 1


def test_operators_that_do_not_load_are_as_good_as_none(site):
    package(site, "mmcv", _ext="raise ImportError('undefined symbol')")
    compat.use_operators()
    assert isinstance(sys.modules["mmcv._ext"], Operators)


def test_pycocotools_stands_in_for_binaries_of_another_numpy(site):
    package(site, "xtcocotools", mask="raise ValueError('numpy.dtype size changed')", coco="", cocoeval="")
    package(site, "pycocotools", mask="", coco="COCO = 1", cocoeval="")
    compat.use_coco_tools()
    from xtcocotools.coco import COCO

    assert COCO == 1


def test_xtcocotools_that_load_are_left_alone(site):
    package(site, "xtcocotools", mask="", coco="COCO = 2", cocoeval="")
    compat.use_coco_tools()
    from xtcocotools.coco import COCO

    assert COCO == 2


@pytest.mark.parametrize("stage", ["mmdet", "mmpose"])
def test_packages_that_are_not_installed_are_named_with_the_command(stage, monkeypatch):
    monkeypatch.setattr(compat, "find_spec", lambda name: None)
    with pytest.raises(StageUnavailable, match=f"needs mmengine, mmcv-lite, {stage}, which are not") as raised:
        compat.prepare_packages(stage)
    assert raised.value.hint.startswith(how_to_add("openmmlab"))
    assert "mmcv._ext" not in sys.modules


def test_one_missing_package_is_named_alone(monkeypatch):
    monkeypatch.setattr(compat, "find_spec", lambda name: None if name == "mmdet" else object())
    with pytest.raises(StageUnavailable, match="needs mmdet, which is not installed"):
        compat.prepare_packages("mmdet")


@pytest.mark.parametrize(("version", "said"), [((3, 11, 9), False), ((3, 13, 0), True)])
def test_a_newer_python_is_told_that_there_is_nothing_for_it(monkeypatch, version, said):
    monkeypatch.setattr(compat.sys, "version_info", version)
    assert ("Python 3.11" in compat.how_to_install()) == said


def test_packages_that_do_not_suit_each_other_are_no_surprise(site, monkeypatch):
    monkeypatch.setattr(compat, "find_spec", lambda name: object())
    package(site, "xtcocotools", mask="")
    package(site, "mmcv", _ext="")
    package(site, "mmengine")
    (site / "mmdet").mkdir()
    (site / "mmdet" / "__init__.py").write_text("assert False, 'MMCV==9 is used but incompatible'")
    with pytest.raises(StageUnavailable, match="MMCV==9 is used but incompatible"):
        compat.prepare_packages("mmdet")

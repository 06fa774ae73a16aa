from pathlib import Path

import plugin_factory
import pytest

from posec3d_cli import registry
from posec3d_cli.errors import BadCard, StageError, StageUnavailable, UnknownStage
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.registry import NETWORKS, OUTPUTS, POSE_FORMATS, REGISTRIES, STAGES, Entry, Registry
from posec3d_cli.stages import create

MODULE = """
import sys
class Mine:
    @classmethod
    def from_card(cls, card, files, *, device="cpu", **options):
        made = cls()
        made.arguments = (card.name, dict(files), device, options)
        return made
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a package with one detector stage, as pip would lay it down."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(package: str, stage: str, target: str, modules: dict[str, str]) -> None:
        plugin_factory.install(tmp_path, package, "posec3d.detectors", stage, target, modules)

    return install


def card_of(tmp_path: Path, stage: str):
    folder = tmp_path / "cards" / "mine"
    folder.mkdir(parents=True)
    text = f'kind = "detector"\nstage = "{stage}"\nsummary = "s"\nlicence = "l"\ndata_terms = "d"\n'
    (folder / "model.toml").write_text(text)
    return load_card(folder)


def test_the_built_in_stages_are_found_like_any_others():
    found = {kind: set(stages.names()) for kind, stages in STAGES.items()}
    assert found["detector"] >= {"efficientdet", "whole-frame"}
    assert "movenet" in found["pose"]
    assert "heatmap" in found["builder"]
    assert "posec3d" in found["classifier"]
    assert STAGES["pose"].entry("movenet").built_in
    assert set(NETWORKS.names()) >= {"slowonly", "c3d-light", "x3d-shallow", "stgcn++"}
    assert set(OUTPUTS.names()) >= {"csv", "jsonl", "parquet"}
    assert set(POSE_FORMATS.names()) >= {"posec3d-archive", "pyskl", "openpose"}


def test_a_plugins_stage_is_listed_without_importing_it(plugin):
    plugin("stage-bomb", "bomb", "stage_bomb_module:Mine", {"stage_bomb_module": "raise RuntimeError('imported')"})
    assert STAGES["detector"].entry("bomb") == Entry("detector", "bomb", "stage-bomb", "1.2", "stage_bomb_module:Mine")


def test_a_plugins_stage_is_made_with_card_files_device_and_options(plugin, tmp_path):
    plugin("stage-good", "good", "stage_good_module:Mine", {"stage_good_module": MODULE})
    stage = create.create_stage(card_of(tmp_path, "good"), device="cpu", score_threshold=0.5)
    assert stage.arguments == ("mine", {}, "cpu", {"score_threshold": 0.5})


@pytest.mark.parametrize(
    ("says", "asked", "runs"),
    [
        ("device", "cpu", True),
        ("device", "cuda:1", True),
        ("'cuda:0'", "cuda", True),
        ("'cuda'", "cuda:1", False),
        ("'cpu'", "cuda", False),
        ("'cuda'", "cpu", False),
        ("None", "mps", True),
        (None, "cpu", True),
        (None, "mps", False),
    ],
)
def test_a_plugins_stage_runs_where_it_was_told_or_is_refused(plugin, tmp_path, says, asked, runs):
    """One that does not say where it runs is taken to run on the processor; one that says None has no network."""
    module = f"stage_placed_{says or 'nowhere'}_{asked}".translate({ord(c): "_" for c in "':"})
    text = MODULE if says is None else MODULE.replace("return made", f"made.device = {says}\n        return made")
    plugin("stage-placed", "placed", f"{module}:Mine", {module: text})
    card = card_of(tmp_path, "placed")
    if runs:
        assert create.create_stage(card, device=asked).arguments[2] == asked
        return
    with pytest.raises(StageUnavailable, match=f"the detector stage 'placed' cannot run on '{asked}'") as caught:
        create.create_stage(card, device=asked)
    assert "--device auto" in caught.value.hint


def test_an_unknown_stage_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownStage, match="a detector stage called 'efficientdat'") as caught:
        registry.load_stage("detector", "efficientdat")
    assert "did you mean 'efficientdet'?" in caught.value.hint


def test_an_unknown_kind_is_refused():
    with pytest.raises(UnknownStage, match="no kind of stage called 'tracker'"):
        registry.load_stage("tracker", "sort")


def test_two_packages_that_claim_one_name_are_both_named(plugin):
    plugin("stage-thief", "efficientdet", "stage_thief:Mine", {})
    with pytest.raises(StageError, match="called 'efficientdet'") as caught:
        registry.load_stage("detector", "efficientdet")
    assert "stage-thief" in caught.value.what
    assert "posec3d-cli" in caught.value.what


def test_a_stage_whose_package_is_not_installed_names_that_package(plugin):
    plugin("stage-needy", "needy", "stage_needy:Mine", {"stage_needy": "import package_that_nobody_has.inner"})
    with pytest.raises(StageUnavailable, match="needs package_that_nobody_has, which is not installed") as caught:
        registry.load_stage("detector", "needy")
    assert caught.value.hint == "pip install package_that_nobody_has"


def test_a_stage_whose_import_fails_otherwise_says_how(plugin):
    plugin("stage-old", "old", "stage_old:Mine", {"stage_old": "from pathlib import Trail"})
    with pytest.raises(StageUnavailable, match="cannot import name 'Trail'"):
        registry.load_stage("detector", "old")


@pytest.mark.parametrize("target", ["stage_hollow:Mine", "stage_hollow.inner:Mine"])
def test_a_stage_that_its_package_does_not_hold_is_the_packages_fault(plugin, target):
    plugin("stage-hollow", "hollow", target, {"stage_hollow": ""})
    with pytest.raises(StageError, match=r"stage-hollow offers .*, which does not exist"):
        registry.load_stage("detector", "hollow")


def test_a_module_that_fails_while_it_is_imported_is_named_with_its_error(plugin):
    plugin("stage-zero", "zero", "stage_zero:Mine", {"stage_zero": "1 / 0"})
    with pytest.raises(StageUnavailable, match="stage 'zero' of stage-zero cannot be imported: ZeroDivisionError"):
        registry.load_stage("detector", "zero")


def test_an_installation_that_is_older_than_the_code_is_told_so():
    with pytest.raises(StageError, match="no installed package offers a tracker") as caught:
        Registry("posec3d.trackers_of_tomorrow", "tracker").names()
    assert "install posec3d-cli again" in caught.value.hint


@pytest.mark.parametrize("one", REGISTRIES, ids=lambda one: one.kind)
def test_everything_built_in_can_be_imported(one):
    for name, entry in one.entries().items():
        if entry.built_in:
            assert one.load(name) is not None


def test_what_another_package_makes_is_known_by_its_version(plugin):
    plugin("posec3d-other", "other", "other_stage:Stage", {})
    assert registry.foreign_version("detector", "other") == "posec3d-other 1.2"
    assert registry.foreign_version("pose", "movenet") == ""


def test_a_file_that_the_stage_needs_and_the_card_does_not_name_is_named(plugin, tmp_path):
    module = MODULE.replace("dict(files)", "files['model']")
    plugin("stage-asking", "asking", "stage_asking_module:Mine", {"stage_asking_module": module})
    with pytest.raises(BadCard, match=r"^mine: its stage 'asking' needs a file called 'model'; there is none$"):
        create.create_stage(card_of(tmp_path, "asking"))

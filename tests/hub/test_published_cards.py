"""The cards of the published PoseC3D weights: each reads its video as the code that it was published with does."""

import re
from pathlib import Path

import pytest
import torch
from msgspec import structs

from posec3d_cli.config import PipelineConfig
from posec3d_cli.hub.catalog import list_cards
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.nets import build_network
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import POSEC3D_DEFAULT_LIMBS, POSEC3D_LIMBS
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.pixels import RGBSpec

HOST = "https://download.openmmlab.com/mmaction/"
PUBLISHED = {card.name: card for card in list_cards("classifier") if card.files[0].sources[0].startswith(HOST)}
RGBPOSE = {name: card for name, card in PUBLISHED.items() if name.startswith("rgbpose-")}
CARDS = {name: card for name, card in PUBLISHED.items() if name not in RGBPOSE}
DOCUMENT = (Path(__file__).parents[2] / "docs" / "published-models.md").read_text(encoding="utf-8")
MISNAMED = ("posec3d-pyskl-ntu120-xsub-joint", "posec3d-pyskl-ntu120-xset-joint")
DATASETS = ("ntu60", "ntu120", "k400", "gym", "ucf101", "hmdb51", "diving48")
CLASSES = dict(zip(DATASETS, (60, 120, 400, 99, 101, 51, 48), strict=True))


def family(card):
    """By what its address begins with."""
    path = card.files[0].sources[0].removeprefix(HOST)
    return {"pyskl": "pyskl", "v1.0": "1.x", "skeleton": "0.x"}[path.partition("/")[0]]


def dataset(card):
    [name] = [name for name in DATASETS if re.search(rf"-{name}(-|$)", card.name)]
    return name


def spec(card):
    return HeatmapSpec.from_recipe(card.recipe["heatmaps"])


def test_there_is_a_card_for_every_published_file():
    families = [family(card) for card in CARDS.values()]
    assert {name: families.count(name) for name in families} == {"pyskl": 25, "1.x": 7, "0.x": 8}
    assert len({card.files[0].sources for card in CARDS.values()}) == 40


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_says_what_its_name_and_its_address_say(card):
    [file] = card.files
    assert (card.verified, file.sha256, len(card.labels)) == (False, "", CLASSES[dataset(card)])
    prefix = re.search(r"[-_]([0-9a-f]{8})\.pth$", file.sources[0])
    assert file.sha256_prefix == (prefix[1] if prefix else "")
    assert card.name.startswith({"pyskl": "posec3d-pyskl-", "0.x": "posec3d-0x-"}.get(family(card), "posec3d-"))
    kind = "limb" if re.search(r"limb(_[^/]*|-[^/]*)?\.pth", file.sources[0].rpartition("/")[2]) else "joint"
    assert card.name.endswith(f"-{kind}")
    assert (kind == "joint") == (spec(card).channels == "joints") or card.name in MISNAMED


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_reads_as_the_code_of_its_family(card):
    drawn, sampling, name = spec(card), ClipSampling.from_recipe(card.recipe), dataset(card)
    assert (sampling.frames, sampling.people, sampling.window_seconds) == (48, "together", None)
    assert sampling.sampler == ("pyskl" if family(card) == "pyskl" else "mmaction2")
    assert drawn.score_threshold == (1e-3 if family(card) == "pyskl" else 1e-4)
    assert drawn.flip == ("keypoints" if family(card) == "0.x" else "array")
    squashed = family(card) == "pyskl" or name == "k400"
    assert drawn.resize == ("stretch" if squashed else "short-side-crop")
    assert drawn.size == ((56, 56) if name in ("ucf101", "hmdb51") else (64, 64))
    assert (drawn.absent, drawn.sigma, drawn.crop_padding, drawn.crop_min_size) == ("zero-coordinate", 0.6, 0.25, 10)
    assert drawn.channels == "joints" or drawn.limbs == (
        POSEC3D_DEFAULT_LIMBS if card.name in MISNAMED else POSEC3D_LIMBS
    )


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_builds_the_network_of_its_file(card):
    network = build_network(card.recipe["architecture"], len(card.labels), card.recipe.get("network", {}))
    path = card.files[0].sources[0]
    if card.recipe["architecture"] == "slowonly":
        blocks = tuple(
            len(stage) for stage in (network.backbone.layer1, network.backbone.layer2, network.backbone.layer3)
        )
        kinetics = "ucf101" in path or "hmdb51" in path or ("k400" in path and "463" not in path)
        assert blocks == ((3, 4, 6) if kinetics else (4, 6, 3))
    else:
        assert card.recipe["architecture"].replace("-", "_") in path
    assert next(iter(network.state_dict().values())).shape[1] == 17


def half(card):
    """ "whole", "init", "rgb" or "pose"."""
    return card.name.partition("-xsub")[2].lstrip("-") or "whole"


def test_there_is_a_card_for_every_published_file_of_rgbpose():
    assert len({card.files[0].sources for card in RGBPOSE.values()}) == 8
    assert sorted(map(half, RGBPOSE.values())) == sorted(2 * ["whole", "init", "rgb", "pose"])


@pytest.mark.parametrize("card", RGBPOSE.values(), ids=RGBPOSE)
def test_a_card_of_rgbpose_says_what_its_address_says(card):
    [file] = card.files
    stem = {"whole": "rgbpose_conv3d", "init": "rgbpose_conv3d_init", "rgb": "rgb_only", "pose": "pose_only"}[
        half(card)
    ]
    found = re.fullmatch(rf"{stem}(?:_\d{{8}}-([0-9a-f]{{8}}))?\.pth", file.sources[0].rpartition("/")[2])
    assert (card.verified, file.sha256, file.sha256_prefix, len(card.labels)) == (False, "", found[1] or "", 60)
    assert (family(card) == "pyskl") == ("pyskl" in card.name)


@pytest.mark.parametrize("card", RGBPOSE.values(), ids=RGBPOSE)
def test_a_card_of_rgbpose_reads_as_it_was_published(card):
    drawn, sampling, name = spec(card), ClipSampling.from_recipe(card.recipe), half(card)
    assert sampling.sampler == ("pyskl" if family(card) == "pyskl" else "mmaction2")
    assert drawn.score_threshold == (1e-3 if family(card) == "pyskl" else 1e-4)
    assert (sampling.frames, sampling.rgb_frames) == {"rgb": (300, 8), "pose": (32, None)}.get(name, (32, 8))
    assert (sampling.people, drawn.resize, drawn.absent, drawn.crop_padding) == (
        "together", "stretch", "zero-coordinate", 0.25,
    )  # fmt: skip
    if name == "pose":
        assert (drawn.size, drawn.sigma) == ((64, 64), 0.6)
        return
    rgb = RGBSpec.from_recipe(card.recipe["rgb"])
    assert (rgb.mean, rgb.std) == ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    if name == "rgb":
        assert rgb.size == (224, 224)
    else:
        assert (rgb.size, drawn.size, drawn.sigma) == ((256, 256), (64, 64), 0.7)


@pytest.mark.parametrize("card", RGBPOSE.values(), ids=RGBPOSE)
def test_a_card_of_rgbpose_builds_the_network_of_its_file(card):
    with torch.device("meta"):
        network = build_network(card.recipe["architecture"], 60, card.recipe.get("network", {}))
    count = sum(values.numel() for values in network.parameters())
    assert count == {"rgb": 31_757_436, "pose": 2_024_860}.get(half(card), 36_147_928)


@pytest.mark.parametrize("card", RGBPOSE.values(), ids=RGBPOSE)
def test_the_page_and_the_readme_give_the_published_figure_of_a_card_of_rgbpose(card):
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{card.name}` |"))
    readme = (card.folder / "README.md").read_text(encoding="utf-8")
    assert card.data_terms in readme
    figure = re.search(r"(\d+\.\d) %$", card.summary)
    assert (figure is None) == (half(card) == "init")
    assert row.endswith(f"| {figure[1] if figure else '-'} |")
    assert figure is None or f"**{figure[1]} %**" in readme


@pytest.mark.parametrize("stem", ["rgbpose-ntu60-xsub", "rgbpose-pyskl-ntu60-xsub"])
def test_the_halves_of_rgbpose_can_be_fused(stem):
    resolved = resolve(PipelineConfig(classifiers=(f"{stem}-rgb", f"{stem}-pose"), ensemble_weights=(2, 1)))
    rgb, pose = (ClipSampling.from_recipe(card.recipe) for card in resolved.classifiers)
    assert structs.replace(rgb, frames=32, rgb_frames=None) == pose


@pytest.mark.parametrize("name", [name for name in CARDS if name.endswith("-joint") and f"{name[:-6]}-limb" in CARDS])
def test_the_joint_and_the_limb_model_of_a_dataset_can_be_fused(name):
    joint, limb = resolve(PipelineConfig(classifiers=(name, f"{name[:-6]}-limb"))).classifiers
    assert joint.labels == limb.labels
    assert ClipSampling.from_recipe(joint.recipe) == ClipSampling.from_recipe(limb.recipe)


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_the_page_and_the_readme_give_the_published_figure_of_the_card(card):
    figure = re.search(r"(\d+\.\d) %$", card.summary)[1]
    row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{card.name}` |"))
    assert row.endswith(f"| {figure} |")
    readme = (card.folder / "README.md").read_text(encoding="utf-8")
    assert f"{figure} %" in readme
    assert card.data_terms in readme


def test_a_dataset_has_the_same_terms_on_all_its_cards():
    terms = {(dataset(card), card.data_terms) for card in PUBLISHED.values()}
    assert len(terms) == len(DATASETS)

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from posec3d_cli.errors import BadCard
from posec3d_cli.nets import build_network, network_class
from posec3d_cli.registry import NETWORKS


@pytest.mark.parametrize("architecture", ["slowonly", "c3d-light", "x3d-shallow"])
def test_a_network_of_heatmaps_is_built_with_its_options(architecture: str) -> None:
    with torch.device("meta"):
        network = build_network(architecture, 5, {"in_channels": 16, "base_channels": 8})
    assert network(torch.empty(2, 16, 8, 32, 32, device="meta")).shape == (2, 5)


def test_a_network_of_joints_is_built_with_its_options() -> None:
    with torch.device("meta"):
        network = build_network("stgcn++", 5, {"in_channels": 2, "base_channels": 8, "dropout": 0.2})
        assert network(torch.empty(2, 1, 8, 17, 2)).shape == (2, 5)


def test_every_network_says_what_it_reads() -> None:
    assert {name: network_class(name).reads for name in NETWORKS.names()}.items() >= {
        "slowonly": "heatmaps", "c3d-light": "heatmaps", "x3d-shallow": "heatmaps", "stgcn++": "joints",
        "rgb-only": "rgb", "rgbpose": "rgb+heatmaps",
    }.items()  # fmt: skip


def test_lists_as_in_a_card_do_for_the_stages() -> None:
    with torch.device("meta"):
        network = build_network("slowonly", 5, {"stage_blocks": [3, 4, 6]})
    assert len(network.backbone.layer3) == 6


def test_an_unknown_architecture_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadCard, match="'slowfast'") as caught:
        build_network("slowfast", 5, {})
    assert "c3d-light, rgb-only, rgbpose, slowonly, stgcn++, x3d-shallow" in caught.value.hint


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadCard, match="'c3d-light' has no option 'stage_blocks'") as caught:
        build_network("c3d-light", 5, {"stage_blocks": [4, 6, 3]})
    assert "base_channels" in caught.value.hint


@pytest.mark.parametrize("options", [{"stage_blocks": [4, 6]}, {"base_channels": "wide"}, {"dropout": 2.0}])
def test_a_value_that_makes_no_network_is_refused(options) -> None:
    with pytest.raises(BadCard, match="cannot be built"):
        build_network("slowonly", 5, options)


def test_a_width_that_the_branches_of_a_network_cannot_share_is_refused() -> None:
    with pytest.raises(BadCard, match="at least 6, got 5"):
        build_network("stgcn++", 5, {"base_channels": 5})


def test_naming_the_architectures_imports_no_torch() -> None:
    code = "import sys, posec3d_cli.nets as n; n.NETWORKS.names(); raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_network_without_weights_does_not_wake_the_compiler_of_torch() -> None:
    program = (
        "import sys, torch\n"
        "from posec3d_cli.nets import NETWORKS, build_network\n"
        "with torch.device('meta'):\n"
        "    for name in NETWORKS.names():\n"
        "        build_network(name, 5, {})\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout == "False\n", "its import takes longer than everything else that is made"

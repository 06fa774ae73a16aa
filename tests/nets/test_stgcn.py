from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from posec3d_cli.nets.stgcn import JOINTS, JointConv, PointConv, STGCNPlusPlus, TimeConvs, graph
from posec3d_cli.skeletons import COCO_17

CHANNELS = [64, 64, 64, 64, 128, 128, 128, 256, 256, 256]


def published_names(classes: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of PYSKL's ST-GCN++ on COCO, by rule."""
    expected: dict[str, tuple[int, ...]] = {}

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            expected[f"{name}.{part}"] = (channels,)
        expected[f"{name}.num_batches_tracked"] = ()

    def conv(name: str, outputs: int, inputs: int, frames: int = 1) -> None:
        expected[f"{name}.weight"] = (outputs, inputs, frames, 1)
        expected[f"{name}.bias"] = (outputs,)

    norm("backbone.data_bn", 17 * 3)
    inputs = 3
    for block, outputs in enumerate(CHANNELS):
        name = f"backbone.gcn.{block}"
        expected[f"{name}.gcn.A"] = (3, 17, 17)
        norm(f"{name}.gcn.bn", outputs)
        conv(f"{name}.gcn.conv", outputs * 3, inputs)
        if inputs != outputs:
            conv(f"{name}.gcn.down.0", outputs, inputs)
            norm(f"{name}.gcn.down.1", outputs)
        for branch in range(6):
            width = outputs // 6 if branch else outputs - 5 * (outputs // 6)
            inner = f"{name}.tcn.branches.{branch}"
            if branch == 5:
                conv(inner, width, outputs)
                continue
            conv(f"{inner}.0", width, outputs)
            norm(f"{inner}.1", width)
            if branch < 4:
                conv(f"{inner}.3.conv", width, width, 3)
        norm(f"{name}.tcn.transform.0", outputs)
        conv(f"{name}.tcn.transform.2", outputs, outputs)
        norm(f"{name}.tcn.bn", outputs)
        if inputs != outputs and block > 0:
            conv(f"{name}.residual.conv", outputs, inputs)
            norm(f"{name}.residual.bn", outputs)
        inputs = outputs
    expected["cls_head.fc_cls.weight"] = (classes, 256)
    expected["cls_head.fc_cls.bias"] = (classes,)
    return expected


def test_names_and_shapes_are_those_of_the_published_checkpoints() -> None:
    with torch.device("meta"):
        network = STGCNPlusPlus(60)
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == published_names(60)


def test_the_parameters_are_as_many_as_published() -> None:
    with torch.device("meta"):
        network = STGCNPlusPlus(60)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_393_016


def test_the_features_have_the_documented_shape() -> None:
    with torch.device("meta"):
        network = STGCNPlusPlus(60)
        assert network.backbone(torch.empty(4, 2, 100, 17, 3)).shape == (4, 256, 2, 25, 17)
        assert network.backbone(torch.empty(1, 1, 9, 17, 3)).shape == (1, 256, 1, 3, 17)


def test_each_joint_hears_itself_its_parent_and_the_mean_of_its_children() -> None:
    itself, inward, outward = graph().numpy()
    joints = COCO_17.joints
    nose, shoulder, elbow, hip, wrist = (
        joints.index(name) for name in ("nose", "left_shoulder", "left_elbow", "left_hip", "left_wrist")
    )
    assert (itself == np.eye(JOINTS)).all()
    assert inward[:, elbow].nonzero()[0].tolist() == [shoulder]
    assert inward[shoulder, elbow] == 1
    assert not inward[:, nose].any()
    assert outward[:, shoulder].nonzero()[0].tolist() == [elbow, hip]
    assert outward[[elbow, hip], shoulder].tolist() == [0.5, 0.5]
    assert not outward[:, wrist].any()
    assert outward[:, nose].sum() == pytest.approx(1)


def test_the_graph_is_its_own_mirror_image() -> None:
    mirror = list(COCO_17.mirror)
    assert torch.equal(graph()[:, mirror][:, :, mirror], graph())


def test_a_graph_convolution_is_its_definition() -> None:
    layer = JointConv(4, 4).eval()
    layer.A.data.normal_()
    x = torch.randn(2, 4, 3, JOINTS)
    with torch.no_grad():
        kernels = layer.conv.weight.reshape(3, 4, 4)
        heard = torch.zeros(2, 4, 3, JOINTS)
        for kind in range(3):
            told = torch.einsum("oc,bctv->botv", kernels[kind], x) + layer.conv.bias.reshape(3, 1, 4, 1, 1)[kind]
            for source in range(JOINTS):
                heard += told[..., source : source + 1] * layer.A[kind, source]
        expected = torch.relu(heard / (1 + layer.bn.eps) ** 0.5 + x)
        torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("stride", "frames", "left"), [(1, 7, 7), (2, 7, 4), (2, 8, 4)])
def test_all_branches_over_time_keep_pace(stride: int, frames: int, left: int) -> None:
    layer = TimeConvs(16, stride=stride)
    assert layer(torch.rand(2, 16, frames, JOINTS)).shape == (2, 16, left, JOINTS)


def test_time_convolutions_reach_four_frames_and_mix_no_joints() -> None:
    layer = TimeConvs(48, stride=1).eval()
    x = torch.zeros(1, 48, 11, JOINTS)
    with torch.no_grad():
        still = layer(x)
        x[:, :, 5, 3] = torch.randn(48)
        changed = (layer(x) - still).abs().amax(dim=(0, 1)) > 1e-6
    assert not changed[:, [joint for joint in range(JOINTS) if joint != 3]].any()
    assert changed[:, 3].nonzero().flatten().tolist() == list(range(1, 10))


def test_the_order_of_people_makes_no_difference() -> None:
    network = STGCNPlusPlus(5, base_channels=8).eval()
    people = torch.rand(2, 3, 12, JOINTS, 3)
    with torch.no_grad():
        torch.testing.assert_close(network(people), network(people[:, [2, 0, 1]]))
        apart = torch.stack([network(people[:, [m]]) for m in range(3)]).mean(0)
        torch.testing.assert_close(network(people), apart)


def test_evaluation_is_deterministic_and_training_drops_where_asked() -> None:
    network = STGCNPlusPlus(5, base_channels=8, dropout=0.5)
    clips = torch.rand(4, 1, 12, JOINTS, 3)
    assert not torch.equal(network(clips), network(clips))
    network.eval()
    assert torch.equal(network(clips), network(clips))


def test_fresh_weights_are_drawn_from_the_global_generator() -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(STGCNPlusPlus(5, base_channels=8).state_dict())
    first, again, other = (state["backbone.gcn.3.gcn.conv.weight"] for state in states)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(states[0]["backbone.gcn.3.gcn.A"], graph())


@pytest.mark.parametrize(("frames", "left"), [(7, 4), (8, 4)])
def test_a_strided_point_convolution_is_torchs_own(frames: int, left: int) -> None:
    layer = PointConv(4, 6, frame_stride=2)
    x = torch.randn(2, 4, frames, JOINTS)
    expected = torch.nn.functional.conv2d(x, layer.weight, layer.bias, stride=(2, 1))
    assert expected.shape[2] == left
    torch.testing.assert_close(layer(x), expected)


def test_it_learns_in_bf16() -> None:
    losses = losses_in_bf16(STGCNPlusPlus.layout, STGCNPlusPlus.layout)
    assert losses[-1] < 0.5 * losses[0]


def test_it_learns_in_bf16_with_channels_last_too() -> None:
    """In a process of its own: oneDNN used to write past a buffer there, which ends a process at some later time."""
    program = (
        "import torch; from test_stgcn import losses_in_bf16;"
        "losses = losses_in_bf16(torch.channels_last, torch.channels_last_3d); assert losses[-1] < 0.5 * losses[0]"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def losses_in_bf16(layout: torch.memory_format, batch_layout: torch.memory_format) -> list[float]:
    """The losses of eight steps on two actions that go up and down."""
    network = STGCNPlusPlus(2, base_channels=6).to(memory_format=layout)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-2)
    answers = torch.tensor([0, 1] * 3)
    clips = torch.randn(6, 1, 8, JOINTS, 3)
    clips[1::2, ..., 1] += torch.linspace(-2, 2, 8)[:, None]
    losses = []
    for _ in range(8):
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(clips.contiguous(memory_format=batch_layout))
        loss = torch.nn.functional.cross_entropy(logits.float(), answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(parameter.grad is not None for parameter in network.parameters())
    return losses

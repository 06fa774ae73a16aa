"""HRNet, the pose network behind the published skeletons of PoseC3D.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation" (CVPR 2019), section 3: branches
of one, a half, a quarter and an eighth of the resolution run side by side and exchange their features again and
again. Parameter names, shapes and order are those of the checkpoints published for MMPose 1.x, so that their files
load as they are; those of 0.x name the head otherwise, see `modern_names`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

STEM = 64  # channels of the stem, and of the bottlenecks' inner convolutions
EXPANSION = 4  # a bottleneck's output channels per inner channel
BLOCKS = 4  # residual blocks in a row, everywhere
MODULES = (1, 4, 3)  # exchanges in stages 2, 3 and 4
STRIDE = 4  # input pixels per heatmap pixel
MULTIPLE = 32  # both sides of the input must be a multiple of it: the lowest resolution is that much coarser

_OLD_HEAD, _HEAD = "keypoint_head.", "head."


def modern_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a checkpoint of MMPose 0.x (`keypoint_head.…`) or 1.x (`head.…`) under their names in 1.x."""
    return {
        _HEAD + name.removeprefix(_OLD_HEAD) if name.startswith(_OLD_HEAD) else name: tensor
        for name, tensor in state.items()
    }


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """A bias-free convolution that keeps the size where the stride is 1, and its batch normalisation."""
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(channels, channels, 3)
        self.conv2, self.bn2 = conv_bn(channels, channels, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        y = self.relu(self.bn1(self.conv1(x)))
        activated: Tensor = self.relu(self.bn2(self.conv2(y)) + x)
        return activated


class Bottleneck(nn.Module):
    """Reduce, convolve, expand, beside an identity or, where the channels change, a 1 x 1 convolution."""

    def __init__(self, inputs: int, planes: int) -> None:
        super().__init__()
        outputs = planes * EXPANSION
        self.conv1, self.bn1 = conv_bn(inputs, planes, 1)
        self.conv2, self.bn2 = conv_bn(planes, planes, 3)
        self.conv3, self.bn3 = conv_bn(planes, outputs, 1)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential(*conv_bn(inputs, outputs, 1)) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 planes, H, W)."""
        identity = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        activated: Tensor = self.relu(self.bn3(self.conv3(y)) + identity)
        return activated


class Exchange(nn.Module):
    """Residual blocks on every branch, then each branch becomes the sum of all, brought to its resolution.

    Args:
        channels: of each branch, the finest first.
        outputs: how many of the branches go on, the finest first.
    """

    def __init__(self, channels: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(c) for _ in range(BLOCKS))) for c in channels)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_resample_branch(channels, source, target) for source in range(len(channels)))
            for target in range(outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Branch b is (B, channels[b], H / 2^b, W / 2^b), before and after."""
        inner = [branch(x) for branch, x in zip(self.branches, branches, strict=True)]
        fused = []
        for layers in self.fuse_layers:
            assert isinstance(layers, nn.ModuleList)
            brought = [layer(x) for layer, x in zip(layers, inner, strict=True)]
            fused.append(self.relu(sum(brought)))
        return fused


class Backbone(nn.Module):
    """The network without its head. `width` is the channels of the finest branch; each next one has twice as many."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [width * 2**branch for branch in range(4)]
        self.conv1, self.bn1 = conv_bn(3, STEM, 3, stride=2)
        self.conv2, self.bn2 = conv_bn(STEM, STEM, 3, stride=2)
        self.relu = nn.ReLU(inplace=True)
        wide = STEM * EXPANSION
        self.layer1 = nn.Sequential(Bottleneck(STEM, STEM), *(Bottleneck(wide, STEM) for _ in range(BLOCKS - 1)))
        first = nn.Sequential(*conv_bn(wide, channels[0], 3), nn.ReLU(inplace=True))
        self.transition1 = nn.ModuleList([first, nn.Sequential(_halve(wide, channels[1]))])
        self.stage2 = _stage(channels[:2], MODULES[0])
        self.transition2 = _new_branch(channels[:3])
        self.stage3 = _stage(channels[:3], MODULES[1])
        self.transition3 = _new_branch(channels)
        self.stage4 = _stage(channels, MODULES[2], last_outputs=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, width, H / 4, W / 4)."""
        x = self.relu(self.bn1(self.conv1(x)))  # (B, 64, H / 2, W / 2)
        x = self.relu(self.bn2(self.conv2(x)))  # (B, 64, H / 4, W / 4)
        x = self.layer1(x)  # (B, 256, H / 4, W / 4)
        branches = self.stage2([layer(x) for layer in self.transition1])
        branches = self.stage3([*branches, self.transition2[-1](branches[-1])])
        branches = self.stage4([*branches, self.transition3[-1](branches[-1])])
        finest: Tensor = branches[0]
        return finest


class Head(nn.Module):
    """One 1 x 1 convolution with bias, named `final_layer`."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(channels, joints, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, K, h, w)."""
        heatmaps: Tensor = self.final_layer(x)
        return heatmaps


class HRNet(nn.Module):
    """Backbone and head: normalised images (B, 3, H, W) -> heatmaps (B, K, H / 4, W / 4); H and W divide by 32.

    Args:
        width: 32 for HRNet-W32, 48 for HRNet-W48.
        joints: K.
    """

    def __init__(self, width: int, joints: int) -> None:
        super().__init__()
        self.backbone = Backbone(width)
        self.head = Head(width, joints)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, K, H / 4, W / 4)."""
        heatmaps: Tensor = self.head(self.backbone(x))
        return heatmaps


def _halve(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*conv_bn(inputs, outputs, 3, stride=2), nn.ReLU(inplace=True))


def _resample_branch(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """From the resolution and channels of one branch to those of another."""
    inputs, outputs = channels[source], channels[target]
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(*conv_bn(inputs, outputs, 1), nn.Upsample(scale_factor=2 ** (source - target)))
    steps = [_halve(inputs, inputs) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, nn.Sequential(*conv_bn(inputs, outputs, 3, stride=2)))


def _new_branch(channels: Sequence[int]) -> nn.ModuleList:
    """The branches that are there go on as they are; a coarser one is made of the coarsest."""
    made = nn.Sequential(_halve(channels[-2], channels[-1]))
    return nn.ModuleList([*(nn.Identity() for _ in channels[:-1]), made])


def _stage(channels: Sequence[int], modules: int, last_outputs: int | None = None) -> nn.Sequential:
    outputs = [len(channels)] * (modules - 1) + [last_outputs or len(channels)]
    return nn.Sequential(*(Exchange(channels, count) for count in outputs))

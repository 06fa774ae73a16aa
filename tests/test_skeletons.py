import pytest

from posec3d_cli.errors import BadCard
from posec3d_cli.skeletons import COCO_17, POSEC3D_DEFAULT_LIMBS, POSEC3D_LIMBS, Skeleton, mirror_limbs, skeleton


def test_the_sides_of_coco_are_those_of_the_published_configs() -> None:
    assert COCO_17.left == (1, 3, 5, 7, 9, 11, 13, 15)
    assert COCO_17.right == (2, 4, 6, 8, 10, 12, 14, 16)


def test_the_mirror_image_of_a_mirror_image_is_the_person() -> None:
    mirror = COCO_17.mirror

    assert tuple(mirror[k] for k in mirror) == tuple(range(17))
    assert mirror[COCO_17.joints.index("nose")] == COCO_17.joints.index("nose")
    assert mirror[COCO_17.joints.index("left_wrist")] == COCO_17.joints.index("right_wrist")


@pytest.mark.parametrize(
    ("limbs", "left", "right"),
    [
        (POSEC3D_LIMBS, (0, 2, 3, 6, 7, 8, 12, 14), (1, 4, 5, 9, 10, 11, 13, 15)),
        (POSEC3D_DEFAULT_LIMBS, (0, 2, 4, 5, 6, 10, 11, 12), (1, 3, 7, 8, 9, 13, 14, 15)),
    ],
)
def test_limbs_are_swapped_as_the_published_configs_list_them(
    limbs: tuple[tuple[int, int], ...], left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    expected = list(range(17))
    for a, b in zip(left, right, strict=True):
        expected[a], expected[b] = b, a

    assert mirror_limbs(limbs, COCO_17.mirror) == tuple(expected)


def test_both_limb_orders_name_the_same_limbs() -> None:
    assert set(POSEC3D_LIMBS) == set(POSEC3D_DEFAULT_LIMBS)


def test_a_limb_without_a_mirror_image_is_refused() -> None:
    with pytest.raises(BadCard, match=r"limb \(5, 7\) has no mirror image"):
        mirror_limbs([(5, 7)], COCO_17.mirror)


def test_joints_are_found_in_another_skeleton_by_name() -> None:
    torso = Skeleton("torso", ("neck", "left_hip", "right_hip"), ((0, 1), (0, 2)))

    assert torso.numbers_in(COCO_17) == (None, 11, 12)


def test_a_skeleton_is_looked_up_by_name() -> None:
    assert skeleton("coco-17") is COCO_17


def test_an_unknown_skeleton_is_refused_with_the_known_names() -> None:
    with pytest.raises(BadCard, match="'coco-18'") as caught:
        skeleton("coco-18")
    assert "coco-17" in caught.value.hint

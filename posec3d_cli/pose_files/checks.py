"""Check values that another program wrote: JSON types, ranges, array shapes, joint sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import BadPoseFile, counted
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.tracking.similarity import Doubles

FPS_RANGE = (Fraction(1, 10), Fraction(1000))
NORMALIZED = 3.0  # positions of which none is further from 0 are relative to the frame size, some of them outside


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        BadPoseFile: it cannot be read, or is no JSON in UTF-8.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadPoseFile(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadPoseFile(f"it is no readable JSON: byte {error.start} is no UTF-8", hint="write it again") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadPoseFile(f"it is no readable JSON: it breaks off or errs in {where}", hint="write it again") from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else "a number in it is too long"
        raise BadPoseFile(f"it is no readable JSON: {reason}", hint="write it again") from error


def table(value: Any, what: str) -> dict[str, Any]:
    """`value`, which must be a JSON object.

    Raises:
        BadPoseFile: it is something else.
    """
    if not isinstance(value, dict):
        raise BadPoseFile(f"{what} must be an object, got {shown(value)}")
    return value


def entries(value: Any, what: str) -> list[Any]:
    """`value`, which must be a list.

    Raises:
        BadPoseFile: it is something else.
    """
    if not isinstance(value, list):
        raise BadPoseFile(f"{what} must be a list, got {shown(value)}")
    return value


def whole(value: Any, what: str, low: int, high: int) -> int:
    """`value`, which must be a whole number in [low, high].

    Raises:
        BadPoseFile: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise BadPoseFile(f"{what} must be a whole number from {low} to {high}, got {shown(value)}")
    return int(value)


def number(value: Any, what: str) -> float:
    """`value`, which must be a number; NaN where it is None.

    Raises:
        BadPoseFile: it is something else.
    """
    return float(numbers(value, what))


def numbers(value: Any, what: str, *shape: int | str) -> Doubles:
    """`value` as an array of numbers of this shape, in which a letter stands for any length; None becomes NaN.

    Raises:
        BadPoseFile: it holds something else, is ragged, or has another shape.
    """
    try:
        array = np.asarray(value)
        if array.dtype == object and all(one is None or type(one) in (int, float) for one in array.reshape(-1)):
            array = array.astype(np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadPoseFile(f"{what} must be an even table of numbers") from error
    if array.dtype.kind not in "fiu" and array.size:
        raise BadPoseFile(f"{what} must be numbers, got {shown(value)}")
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(want) for want in shape)
        raise BadPoseFile(f"{what} must have shape ({wanted}), got {array.shape}")
    return array.astype(np.float64) if array.size else np.zeros(array.shape)  # of whatever kind an empty one is


def integers(value: Any, what: str, *shape: int | str, low: int, high: int) -> np.typing.NDArray[np.int64]:
    """`value` as an array of whole numbers in [low, high] of this shape.

    Raises:
        BadPoseFile: it holds something else or has another shape.
    """
    found = numbers(value, what, *shape)
    if not np.all((found >= low) & (found <= high) & (found == np.floor(found))):
        raise BadPoseFile(f"{what} must be whole numbers from {low} to {high}")
    return found.astype(np.int64)


def rate(value: Any, what: str = "fps") -> Fraction | None:
    """Frames per second: a number, or a numerator and a denominator; None where the file does not say.

    Raises:
        BadPoseFile: the value is no rate, or not plausible.
    """
    if value is None:
        return None
    if isinstance(value, list | tuple | np.ndarray):
        numerator, denominator = integers(value, what, 2, low=1, high=10**12).tolist()
        found = Fraction(numerator, denominator)
    else:
        told = number(value, what)
        found = Fraction(told).limit_denominator(1001) if np.isfinite(told) else Fraction(0)
    low, high = FPS_RANGE
    if not low <= found <= high:
        raise BadPoseFile(f"{what} must lie between {float(low)} and {float(high)}, got {shown(value)}")
    return found


def check_pixels(places: NDArray[Any], hint: str) -> None:
    """Refuse joints in coordinates relative to the frame size, because the frame size is not known.

    Args:
        places: `(R, 2)` of joints that were found; there may be none.
        hint: what to do.

    Raises:
        BadPoseFile: none lies further than a few pixels from (0, 0), and nobody is as small as that.
    """
    if len(places) and not np.any(np.abs(places) > NORMALIZED):
        raise BadPoseFile(
            "its joints are not in pixels: none lies further than "
            f"{np.abs(places).max():.3g} from (0, 0), as parts of a width and a height do",
            hint=hint,
        )


def shown(value: Any) -> str:
    """A short text of any value, for a message."""
    if value is None or isinstance(value, str | bool | float) or (isinstance(value, int) and abs(value) < 10**18):
        text = repr(value)
        return text if len(text) <= 40 else f"{text[:39]}…"
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, list | dict) else type(value).__name__


def to_coco(rows: Doubles, source: Skeleton, what: str) -> Doubles:
    """The COCO-17 of joints in another set.

    Args:
        rows: `(..., J, D)` with J at least the number of the source's joints.
        source: the other set.
        what: how a message calls the rows.

    Raises:
        BadPoseFile: the source lacks one of the seventeen.
    """
    numbers = COCO_17.numbers_in(source)
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        missing = [joint for joint, number in zip(COCO_17.joints, numbers, strict=True) if number is None]
        raise BadPoseFile(f"{what} lacks the joints {', '.join(missing)}", hint="the COCO-17 are needed, by name")
    return rows[..., known, :]


def set_of(count: int, sets: Mapping[int, Skeleton], what: str) -> Skeleton:
    """The set in `sets` with this number of joints.

    Raises:
        BadPoseFile: there is none.
    """
    if count not in sets:
        expected = ", ".join(str(number) for number in sorted(sets))
        raise BadPoseFile(
            f"{what} has {counted(count, 'joint')}, expected {expected}", hint="write one of these joint sets"
        )
    return sets[count]

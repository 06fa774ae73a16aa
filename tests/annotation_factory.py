"""Videos with segments, without files: for what reads and writes annotations."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from posec3d_cli.annotations.boundaries import FrameBoundaries
from posec3d_cli.annotations.formats import Choices
from posec3d_cli.annotations.segments import AnnotatedVideo, Segment, segment_label
from posec3d_cli.annotations.transfer import segment_in_frames
from posec3d_cli.types import VideoInfo

RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "25", "30000/1001", "30", "50", "60", "100", "120", "240", "500")
)
ODD_LABELS = (
    "sit & stand",
    "a < b > c",
    "\"quoted\" 'both'",
    "a, b; c",
    "🏃 läuft",
    "007",
    "a --> b",
    "rock/paper",
    "x" * 999,
)


def times(count, rate=Fraction(25), start=0.0):
    return FrameBoundaries(np.array([float(number / rate) for number in range(count + 1)]), start)


def video(
    *segments, count=50, rate=Fraction(25), name="walk/a b.mp4", boundaries=None, start=0.0, uneven=False, boxes=None
):
    boundaries = boundaries or times(count, rate, start)
    duration = float(boundaries.boundaries[-1])
    info = VideoInfo(Path("clips") / name, 80, 48, rate, len(boundaries), duration, "h264", 0, 0, uneven, start=start)
    return AnnotatedVideo(info, name, boundaries, tuple(segments), boxes or {})


def vocabulary(one):
    return sorted({segment.label for segment in one.segments})


def written(form, one, **choices):
    """The first file of a format with this video."""
    return next(iter(form.write([one], vocabulary(one), Choices(**choices)).values()))


def read_back(form, content, one, **choices):
    """The segments that a format finds in a file, in frames of the video."""
    found = [each for each in form.read(content, Choices(**choices)) if each.names]
    assert len(found) == 1
    assert found[0].problems == ()
    return [segment_in_frames(each, found[0], one.times)[0] for each in found[0].segments]


def essence(segments):
    """What every format must hand on."""
    return sorted((one.person, one.label, one.start, one.stop) for one in segments)


labels = st.one_of(
    st.sampled_from(ODD_LABELS),
    st.text(min_size=1, max_size=30).map(segment_label).filter(bool),
)
people = st.sampled_from(["", "0", "1", "12"])


@st.composite
def videos(draw, *, reviewed=True, uneven=True):
    """A video of any rate, evenly or unevenly spaced, with segments that touch and overlap."""
    count = draw(st.integers(1, 40))
    rate = draw(st.sampled_from(RATES))
    boundaries = times(count, rate)
    if uneven and draw(st.booleans()):
        steps = draw(st.lists(st.integers(2, 900), min_size=count, max_size=count))
        boundaries = FrameBoundaries(np.concatenate(([0.0], np.cumsum(steps) / 1000)))
    segments = []
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, count - 1))
        stop = draw(st.integers(start + 1, count))
        segments.append(Segment(draw(labels), start, stop, draw(people), reviewed=reviewed))
    return video(*dict.fromkeys(segments), rate=rate, boundaries=boundaries)

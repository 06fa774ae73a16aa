"""Shards: a run over one part of the inputs, and the state of a whole run joined of those of its shards.

    label clips/ -o labels.csv --shard 2/8     the output is labels.2-of-8.csv, with a state and a lock of its own
    label clips/ -o labels.csv --merge         labels.csv, as one run over all inputs writes it

The shard of an input is a function of its name alone: shards need not know of each other, and an input that joins later
moves none of the others.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from posec3d_cli.batch.corrections import kept_corrections
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.lock import STATE, locked, state_of
from posec3d_cli.batch.resume import Todo
from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import ConfigError, OutputError, are, counted, listed
from posec3d_cli.files.writing import printable
from posec3d_cli.output.tables import plain

_TEXT = re.compile(r"(\d+)/(\d+)", re.ASCII)
_REASONS = {
    "": "no result yet",
    "video": "changed since",
    "unread": "readable only since",
    "pipeline": "made with other models or settings than this command names",
    "output": "without their output files",
}


@dataclass(frozen=True)
class Shard:
    """One of several parts of the inputs of a run.

    Attributes:
        index: which one, from 1 to `count`.
        count: how many there are.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard that "2/8" names.

        Raises:
            ConfigError: it names none.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise ConfigError(f"a shard is I/N with I from 1 to N, such as 2/8, got {text!r}")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, files: Iterable[InputFile]) -> list[InputFile]:
        """The input files of this shard, in their order."""
        return [file for file in files if shard_of(file, self.count) == self.index]

    def output(self, whole: Path) -> Path:
        """The output of this shard, beside that of the whole run: `labels.2-of-8.csv`."""
        return whole.with_name(f"{whole.stem}.{self.index}-of-{self.count}{whole.suffix}")


def shard_of(file: InputFile, count: int) -> int:
    """The number of an input's shard, from 1 to `count`: the sha256 of its name, as the table has it."""
    name = plain(printable(file.name))
    return int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) % count + 1


def shards_beside(whole: Path) -> list[Shard]:
    """The shards of a run that have a state, in order."""
    name = re.compile(re.escape(whole.stem) + r"\.(\d+)-of-(\d+)" + re.escape(whole.suffix + STATE))
    found = [name.fullmatch(file.name) for file in whole.parent.iterdir()]
    return sorted((Shard(int(one[1]), int(one[2])) for one in found if one), key=lambda one: (one.count, one.index))


def take_shards(
    whole: Path,
    files: Sequence[InputFile],
    run_state: RunState,
    pipeline: str,
    *,
    table: bool = True,
    overwrite: bool = False,
) -> list[Shard]:
    """Take the results of all shards into the state of the whole run; a result that is newer there stays.

    Args:
        whole: the output of the whole run.
        files: all input files; the result of each is taken from its own shard only.
        run_state: of the whole run.
        pipeline: the fingerprint of the task.
        table: the outputs are tables, which may hold corrections.
        overwrite: other changes of the shards' tables may be lost.

    Returns:
        The shards.

    Raises:
        OutputError: shards are missing or at work, or of several numbers.
        OutputExists: the table of a shard holds changes other than corrections.
    """
    shards = _complete(whole)
    known = {plain(name) for name in run_state.row_names()}
    corrections: dict[tuple[str, int], str] = {}
    with ExitStack() as held:
        states = {}
        for shard in shards:
            state, _ = held.enter_context(locked(shard.output(whole)))
            states[shard.index] = state.file
            if table:
                kept = kept_corrections(shard.output(whole), state, overwrite=overwrite)
                corrections |= {key: text for key, text in kept.items() if key[0] not in known}
        run_state.merge(states, {file.path: shard_of(file, len(shards)) for file in files}, pipeline)
    run_state.keep_corrections({**corrections, **run_state.corrections()})
    return shards


def _complete(whole: Path) -> list[Shard]:
    shards = shards_beside(whole)
    if not shards:
        raise OutputError(f"there is no shard of {whole}", hint="run the shards first, from --shard 1/N to --shard N/N")
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        first = state_of(shards[0].output(whole))
        raise OutputError(
            f"{whole} has shards of {' and of '.join(map(str, counts))}",
            hint=f"move the files of one number away, such as {first}",
        )
    there = {shard.index for shard in shards}
    missing = [str(Shard(index, counts[0])) for index in range(1, counts[0] + 1) if index not in there]
    if missing:
        what = "shard" if len(missing) == 1 else "shards"
        raise OutputError(
            f"{what} {listed(missing)} of {whole} {are(len(missing))} missing",
            hint=f"run the same command with --shard {missing[0]} in place of --merge",
        )
    return shards


def check_whole(todo: Sequence[Todo], total: int, shards: Sequence[Shard]) -> None:
    """Refuse to merge shards that lack a valid result of an input.

    Raises:
        OutputError: inputs have none; it says why, and names their shards.
    """
    if not todo:
        return
    reasons: dict[str, list[Todo]] = defaultdict(list)
    for one in todo:
        reasons[one.again].append(one)
    numbers = sorted({shard_of(one.file, len(shards)) for one in todo})
    named = [
        f"{len(some)} {are(len(some))} {_REASONS[again]}" if again else f"{len(some)} have {_REASONS[again]}"
        for again, some in reasons.items()
    ]
    again = [str(Shard(number, len(shards))) for number in numbers]
    raise OutputError(
        f"the shards are not whole: of {counted(total, 'video')}, {' and '.join(named)}, the first is "
        f"{printable(todo[0].file.name)}",
        hint=f"run the same command with --shard {listed(again)} in place of --merge"
        + ("; give all of them, and --merge, the same options" if "pipeline" in reasons else ""),
    )

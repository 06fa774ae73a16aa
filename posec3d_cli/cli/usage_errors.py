"""Usage errors of the command line, in the form of all other errors: what, which value, what to do."""

from __future__ import annotations

from typing import Any

import typer

from posec3d_cli.cli.help_texts import span, value_name
from posec3d_cli.errors import PoseC3DError


class WrongUsage(typer.BadParameter):
    """A command line that asks for what cannot be done.

    Attributes:
        hint: what to do; where it is empty, the command's help is named.
    """

    def __init__(self, message: str, *, hint: str = "", ctx: Any = None) -> None:
        super().__init__(message, ctx=ctx)
        self.hint = hint


def usage_problem(error: typer.TyperException) -> PoseC3DError:
    """The usage error of typer as an error of posec3d."""
    ctx: Any = getattr(error, "ctx", None)
    hint = getattr(error, "hint", "")
    if near := getattr(error, "possibilities", None):
        hint = f"did you mean {' or '.join(sorted(near))}?"
    if not hint and ctx is not None:
        hint = f"`{ctx.command_path} --help` shows how it is used"
    return PoseC3DError(_what(error), hint=hint)


def _what(error: typer.TyperException) -> str:
    param: Any = getattr(error, "param", None)
    if param is None:
        message = error.message.rstrip(".")
        return message[:1].lower() + message[1:]
    name = param.opts[-1] if param.param_type_name == "option" else param.metavar
    if not error.message:
        return f"{name} {value_name(param)} is missing" if name != param.metavar else f"{name} is missing"
    faults: Any = getattr(error.__cause__, "errors", None)
    if faults is None:
        return f"{name}: {error.message}"
    return f"{name} takes {_accepted(param)}, got {str(faults()[0]['input'])!r}"


def _accepted(param: Any) -> str:
    """The values that an option takes, in words."""
    described = param.type_descriptor
    if described.is_choice:
        return f"one of {', '.join(str(one.value) for one in described.choices)}"
    kind = {int: "a whole number", float: "a number"}.get(described.annotation, "a text")
    return ", ".join(part for part in (kind, span(param)) if part)

"""Commands that refuse an option given twice, where only one of the two could count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import typer
import typer.core


class OnceCommand(typer.core.TyperCommand):
    """A command whose options are given once, unless they take several values; a flag may be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As any command does, after a look at what is repeated.

        Raises:
            typer.BadParameter: an option is given twice, or a flag and its opposite.
        """
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        given: list[Any] = list(order)
        for option, times in Counter(given).items():
            if times < 2 or option.param_type_name != "option" or option.multiple or option.count:
                continue
            if not option.is_flag:
                raise typer.BadParameter(f"given {times} times, and takes one value", ctx=ctx, param=option)
            if {*option.opts} & {*args} and {*option.secondary_opts} & {*args}:
                both = " and ".join((option.opts[0], option.secondary_opts[0]))
                raise typer.BadParameter(f"{both} contradict each other", ctx=ctx, param=option)
        return super().parse_args(ctx, args)


class Commands(typer.Typer):
    """A group of such commands."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """A command of the program, as `typer.Typer.command` makes it."""
        return super().command(name, cls=OnceCommand, **settings)

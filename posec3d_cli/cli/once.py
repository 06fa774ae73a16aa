"""What every command has: --verbose and --log-file, and no option given twice where only one of the two could count."""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from posec3d_cli.cli.logs import logging_to

VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what is done, and with what.")]
LogOption = Annotated[
    Path | None,
    typer.Option(
        "--log-file", metavar="FILE", help="Append what is done, what becomes of each video and what its decoder says."
    ),
]


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
        register = super().command(name, cls=OnceCommand, **settings)
        return lambda function: register(_logged(function))


def _logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the two options more, which say where the library's log goes while it runs."""

    @functools.wraps(function)
    def run(*args: Any, verbose: bool, log_file: Path | None, **options: Any) -> Any:
        with logging_to(log_file, verbose=verbose):
            return function(*args, **options)

    own = inspect.signature(function, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    further = [
        inspect.Parameter("verbose", keyword, default=False, annotation=VerboseOption),
        inspect.Parameter("log_file", keyword, default=None, annotation=LogOption),
    ]
    signature = own.replace(parameters=[*own.parameters.values(), *further])
    run.__annotations__ = {name: one.annotation for name, one in signature.parameters.items()}
    run.__signature__ = signature  # type: ignore[attr-defined]
    return run

"""What every command has: help in groups, --verbose and --log-file, and no option given twice that takes one value."""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from posec3d_cli.cli.help_texts import RUN, usage_pieces, write_groups
from posec3d_cli.cli.logs import logging_to
from posec3d_cli.cli.usage_errors import WrongUsage
from posec3d_cli.errors import did_you_mean

VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print on stderr what is done, and with what.", rich_help_panel=RUN)
]
LogOption = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        help="Append to this file what is done, each video's result and decoder messages.",
        rich_help_panel=RUN,
    ),
]


class OnceCommand(typer.core.TyperCommand):
    """A command whose options are given once, unless they take several values; a flag may be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; refuse an option that is given twice and takes one value.

        Raises:
            typer.BadParameter: an option is given twice, or a flag and its opposite.
        """
        try:
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        except typer.TyperException as error:
            # An option without its value: the parser does not say of which command.
            vars(error)["ctx"] = ctx
            raise
        given: list[Any] = list(order)
        for option, times in Counter(given).items():
            if times < 2 or option.param_type_name != "option" or option.multiple or option.count:
                continue
            if not option.is_flag:
                raise WrongUsage(f"{option.opts[0]} is given {times} times, and takes one value", ctx=ctx)
            if {*option.opts} & {*args} and {*option.secondary_opts} & {*args}:
                both = " and ".join((option.opts[0], option.secondary_opts[0]))
                raise WrongUsage(f"{both} contradict each other", ctx=ctx)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The arguments as a person writes them: `VIDEO...`."""
        return usage_pieces(self.get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The arguments and options, in their groups."""
        write_groups(self.get_params(ctx), ctx, formatter)


class Group(typer.core.TyperGroup):
    """A command that only holds commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; without any, print the commands."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line after the name of the group."""
        return ["COMMAND ..."]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names.

        Raises:
            WrongUsage: there is no such command.
        """
        if args[0] not in self.commands and not args[0].startswith("-"):
            hint = f"{did_you_mean(args[0], self.commands)}`{ctx.command_path} --help` lists the commands"
            raise WrongUsage(f"there is no command {args[0]!r}", hint=hint, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The commands, and then the options."""
        self.format_commands(ctx, formatter)
        write_groups(self.get_params(ctx), ctx, formatter)


class Commands(typer.Typer):
    """A group of such commands."""

    def __init__(self, **settings: Any) -> None:
        # Markup would eat the square brackets of file names; plain tracebacks are what bug reports need.
        super().__init__(
            cls=Group, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, **settings
        )

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

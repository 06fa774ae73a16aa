"""How `--help` shows arguments and options: in named groups, with values, defaults and ranges in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

INPUT = "Input"
MODELS = "Models"
RECOGNITION = "Recognition"
TRAINING = "Training"
OUTPUT = "Output"
ALERTS = "Alerts"
PERFORMANCE = "Performance"
RUN = "Run"
ORDER = (INPUT, MODELS, RECOGNITION, TRAINING, OUTPUT, ALERTS, PERFORMANCE, RUN)


def usage_pieces(params: Sequence[Any]) -> list[str]:
    """The usage line after the name of a command: "[OPTIONS]" and the arguments."""
    return ["[OPTIONS]", *(_argument(one) for one in params if one.param_type_name == "argument")]


def write_groups(params: Sequence[Any], ctx: Any, formatter: Any) -> None:
    """Write the arguments and options below the titles of their groups; what has no group comes under "Run"."""
    groups: dict[str, list[tuple[str, str]]] = {title: [] for title in ORDER}
    for param in params:
        if not param.hidden:
            title = param.rich_help_panel or (INPUT if param.param_type_name == "argument" else RUN)
            groups[title].append((_name(param), _explanation(param, ctx)))
    for title, rows in groups.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def value_name(param: Any) -> str:
    """The placeholder of a value in the help: the metavar, or the permitted values."""
    if param.metavar:
        return str(param.metavar)
    if param.type_descriptor.is_choice:
        return "|".join(str(one.value) for one in param.type_descriptor.choices)
    raise ValueError(f"{param.name} needs a metavar")


def span(param: Any) -> str:
    """The numbers that an option takes, in words: "at least 1", "from 0 to 1", or nothing."""
    if param.max is not None:
        return f"from {param.min:g} to {param.max:g}"
    return "" if param.min is None else f"at least {param.min:g}"


def _argument(param: Any) -> str:
    name = str(param.metavar)
    return name if param.required or name.startswith("[") else f"[{name}]"


def _name(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar)
    names = ", ".join(sorted(param.opts, key=lambda name: name.startswith("--")))
    if param.is_flag:
        return " / ".join([names, *param.secondary_opts])
    return f"{names} {value_name(param)}"


def _explanation(param: Any, ctx: Any) -> str:
    facts = [span(param), "required" if param.required else ""]
    default = param.get_default(ctx, call=False)
    if default is not None and not isinstance(default, bool):
        facts.insert(0, f"default: {getattr(default, 'value', default)}")
    told = "; ".join(fact for fact in facts if fact)
    return f"{param.help}  [{told}]" if told else str(param.help)

"""The help of every command: groups, plain words, and nothing of how the program is made."""

from __future__ import annotations

import re

import pytest
import typer.main
from test_commands import ALL

from posec3d_cli.cli.app import program
from posec3d_cli.cli.help_texts import ORDER

LONGEST = 90
VERBS = {
    "Add",
    "Also",
    "Answer",
    "Append",
    "Average",
    "Build",
    "Check",
    "Clear",
    "Compare",
    "Correct",
    "Count",
    "Decode",
    "Describe",
    "Detect",
    "Draw",
    "Estimate",
    "Export",
    "Fail",
    "Fetch",
    "Fine-tune",
    "Give",
    "Install",
    "Keep",
    "Label",
    "Learn",
    "Leave",
    "List",
    "Look",
    "Measure",
    "Never",
    "Override",
    "Peak",
    "Perturb",
    "Print",
    "Process",
    "Read",
    "Recognize",
    "Remove",
    "Rename",
    "Replace",
    "Resolve",
    "Resume",
    "Review",
    "Run",
    "Sample",
    "Scale",
    "Search",
    "Seed",
    "Send",
    "Serve",
    "Show",
    "Sign",
    "Split",
    "Start",
    "Stop",
    "Take",
    "Train",
    "Use",
    "Validate",
    "Verify",
    "Wait",
    "Weight",
    "Write",
}
LEAKS = r"<[a-z]|\{[A-Z]|\[[A-Z]+\.*\]\.\.\.|[<>]=?\d|list\[|Path|(int|float) range"
PARAMS = [(words, param) for words, command in ALL.items() for param in command.params]


def named(one: object) -> str:
    return getattr(one, "name", None) or " ".join(one)


@pytest.mark.parametrize("words", [(), ("models",), *ALL], ids=lambda words: " ".join(words) or "posec3d")
def test_the_help_shows_no_type_of_the_program(posec3d, words):
    shown = posec3d(*words, "--help").out
    assert re.findall(LEAKS, shown) == []
    titles = re.findall(r"^([A-Z]\w+):$", shown, re.MULTILINE)
    assert titles == [title for title in ("Commands", *ORDER) if title in titles]
    assert "Run" in titles


@pytest.mark.parametrize(("words", "param"), PARAMS, ids=named)
def test_every_help_text_begins_with_a_verb_and_is_short(words, param):
    assert param.help.split()[0] in VERBS
    assert len(param.help) < LONGEST
    assert param.help.endswith(".")


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_says_in_a_short_line_what_it_does(words):
    summary = ALL[words].help.strip().splitlines()[0]
    assert summary.split()[0] in VERBS
    assert len(summary) < LONGEST


def test_the_list_of_commands_cuts_no_summary_short(posec3d):
    for words in ((), ("models",), ("samples",), ("cache",)):
        shown = posec3d(*words, "--help").out.partition("\n")[2]
        assert "..." not in shown


def test_without_arguments_the_program_shows_three_commands_to_begin_with_and_then_all(posec3d):
    ran = posec3d()
    assert (ran.code, ran.out) == (2, "")
    labeled_clips, _, commands = ran.err.partition("Commands:")
    assert len(re.findall(r"^ +posec3d \w+", labeled_clips, re.MULTILINE)) == 3
    assert set(typer.main.get_command(program()).commands) <= set(commands.split())


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["predict"], "VIDEO... is missing", "`posec3d predict --help` shows how it is used"),
        (["label", "clips"], "--output OUT.csv is missing", "`posec3d label --help` shows how it is used"),
        (["predict", "a.mp4", "--top", "x"], "--top takes a whole number, at least 1, got 'x'", "`posec3d predict"),
        (["predict", "a.mp4", "--top", "0"], "--top takes a whole number, at least 1, got '0'", "`posec3d predict"),
        (["predict", "a.mp4", "--min-score", "2"], "--min-score takes a number, from 0 to 1, got '2'", "`posec3d"),
        (["predict", "a.mp4", "--people", "all"], "--people takes one of together, each, got 'all'", "`posec3d"),
        (["predict", "a.mp4", "--people"], "option '--people' requires an argument", "`posec3d predict --help"),
        (
            ["train", "a", "-o", "b", "--learning-rat", "1"],
            "no such option: --learning-rat",
            "did you mean --learning-",
        ),
        (["predikt"], "there is no command 'predikt'", "did you mean 'predict'? `posec3d --help` lists the commands"),
        (["models", "shw"], "there is no command 'shw'", "did you mean 'show'? `posec3d models --help` lists"),
        (["models", "list", "more"], "got unexpected extra argument(s) (more)", "`posec3d models list --help`"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_wrong_usage_is_said_in_the_form_of_all_errors(posec3d, words, what, hint):
    ran = posec3d(*words)
    assert (ran.code, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert first == f"error: {what}"
    assert second.startswith(f"hint:  {hint}")

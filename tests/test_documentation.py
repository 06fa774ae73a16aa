"""The documentation is true: what it names exists, and what exists is named."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from packaging.requirements import Requirement

from posec3d_cli.cli import app
from posec3d_cli.hub.catalog import list_cards, list_pipelines, load_card, load_pipeline
from posec3d_cli.hub.resolve import ensemble_of
from posec3d_cli.hub.sample_clips import list_samples
from posec3d_cli.hub.sources import parse_source
from posec3d_cli.pose_files.installed import installed_formats
from posec3d_cli.registry import STAGES
from posec3d_cli.results import UNKNOWN
from posec3d_cli.skeletons import BODY_25, COCO_17, HALPE_26, MEDIAPIPE_33, OPENPOSE_18

REPOSITORY = Path(__file__).resolve().parent.parent
MODELS = REPOSITORY / "models"
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
MODELS_PAGE = (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [
    *REPOSITORY.glob("*.md"),
    *(page for folder in ("docs", "models", "examples", "benchmarks") for page in (REPOSITORY / folder).rglob("*.md")),
]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
ALSO_OPTIONS = {"--help", "--strict"}  # of every command; of mypy
OTHER_PROGRAMS = re.compile(r"^ *(?:#SBATCH|sbatch |array=|srun |ray |kubectl |helm ).*?(?=posec3d |$)", re.MULTILINE)
WRITTEN_BY_HAND = {".py", ".md", ".toml", ".txt", ".csv", ".json", ".cfg", ".yml", ""}


def page_name(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def commands() -> dict[tuple[str, ...], Any]:
    """Every command of the program by its words, as the parser knows it."""

    def walk(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield words, command
        for name, one in (inner or {}).items():
            yield from walk(one, *words, name)

    return dict(walk(typer.main.get_command(app.program())))


COMMANDS = commands()
OPTIONS = {option for one in COMMANDS.values() for each in one.params for option in (*each.opts, *each.secondary_opts)}


def code_blocks(page: str) -> list[str]:
    """The blocks of a Markdown page that are indented by four spaces or stand between fences."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^ {4}.*\n(?:\n(?= {4}))?)+", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S), re.M)
    return fenced + [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in indented]


def command_lines(page: str) -> list[list[str]]:
    """The command lines of this program that a page shows, without what a shell would take away."""
    lines = []
    for line in "".join(code_blocks(page)).splitlines():
        found = re.match(r"(?:[A-Z0-9_]+=\S* )*posec3d (.*)", line)
        if found:
            lines.append(shlex.split(re.split(" >>? ", found[1].partition("  #")[0])[0]))
    return lines


def expanded(words: list[str]) -> list[list[str]]:
    """`models list|show` as `models list` and `models show`."""
    place = next((i for i, word in enumerate(words) if "|" in word), None)
    if place is None:
        return [words]
    return [[*words[:place], choice, *words[place + 1 :]] for choice in words[place].split("|")]


def command_of(words: list[str]) -> tuple[str, ...]:
    return next((known for known in COMMANDS if tuple(words[: len(known)]) == known), ())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_its_arguments_and_its_options_have_help(words):
    assert COMMANDS[words].help.strip().splitlines()[0].endswith(".")
    silent = [each.name for each in COMMANDS[words].params if not (each.help or "").strip()]
    assert silent == []


def test_every_command_is_in_the_readme():
    rows = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `posec3d ")]
    shown = {command_of(words.split()) for row in rows for words in re.findall(r"`posec3d ([^`]+)`", row)}
    assert shown == set(COMMANDS)


def test_every_command_line_of_the_pages_is_one_that_the_program_takes():
    lines = [line for page in PAGES for line in command_lines(page.read_text(encoding="utf-8"))]
    assert len(lines) > 10
    for line in lines:
        for words in expanded(line):
            known = command_of(words)
            assert known, f"posec3d {' '.join(words)}"
            if words == line:
                COMMANDS[known].make_context("posec3d", words[len(known) :])


# Programs of the benchmarks have options of their own; the changelog names also what options were called before.
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.parent.name != "benchmarks" and page.name != "CHANGELOG.md"],
    ids=page_name,
)
def test_every_option_that_a_page_names_exists(page):
    named = set(OPTION.findall(OTHER_PROGRAMS.sub("", page.read_text(encoding="utf-8"))))
    assert named <= OPTIONS | ALSO_OPTIONS


def test_every_program_of_the_benchmarks_is_described_with_its_options():
    page = (REPOSITORY / "benchmarks" / "README.md").read_text(encoding="utf-8")
    programs = sorted((REPOSITORY / "benchmarks").glob("*.py"))
    sections = dict(re.findall(r"^## (\w+\.py)(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert sorted(sections) == [program.name for program in programs]
    for program in programs:
        usage = next(line for line in sections[program.name].splitlines() if "python benchmarks/" in line)
        taken = re.findall(r"add_argument\(\"(--[a-z-]+)\"", program.read_text(encoding="utf-8"))
        assert sorted(OPTION.findall(usage)) == sorted(taken)


def test_every_example_is_described():
    page = (REPOSITORY / "examples" / "README.md").read_text(encoding="utf-8")
    programs = {program.name for program in (REPOSITORY / "examples").glob("*.py")}
    assert set(re.findall(r"\]\((\w+\.py)\)", page)) == programs


def test_the_python_of_the_pages_compiles_and_imports_names_that_exist():
    blocks = [
        block
        for page in PAGES
        for block in code_blocks(page.read_text(encoding="utf-8"))
        if re.search(r"^(from|import) posec3d_cli", block, re.MULTILINE)
    ]
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_to_a_file_leads_to_one(page):
    targets = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


def test_make_targets_that_the_pages_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in PAGES
        for block in code_blocks(page.read_text(encoding="utf-8"))
        for target in re.findall(r"^make ([a-z-]+)", block, re.MULTILINE)
    }
    assert {"demo", "test", "check"} <= named <= targets


@pytest.mark.parametrize("folder", sorted(MODELS.glob("*/")), ids=lambda folder: folder.name)
def test_every_model_folder_holds_a_card_and_its_description(folder):
    if folder.name == "pipelines":
        assert {file.stem for file in folder.iterdir()} == {pipeline.name for pipeline in list_pipelines()}
        return
    if folder.name == "labels":
        assert {file.suffix for file in folder.iterdir()} == {".txt"}
        return
    card = load_card(folder)
    assert card.licence.strip()
    assert card.data_terms.strip()
    assert "README" not in card.licence + card.data_terms, "the card says it itself"
    assert card.stage in STAGES[card.kind].names()
    description = (folder / "README.md").read_text(encoding="utf-8")
    assert description.startswith("# ")


def test_the_page_on_models_names_those_of_the_default_pipeline():
    light = load_pipeline("light")
    rows = {
        cells[0].strip(): cells[1] for line in MODELS_PAGE.splitlines() if (cells := line.strip("|").split("|"))[1:]
    }
    for kind in ("detector", "pose", "classifier"):
        assert f"`{getattr(light, kind)}`" in rows[kind]


def test_the_page_on_models_lists_the_actions_that_the_default_classifier_tells_apart():
    named = {load_card(one, "classifier").labels for one in ensemble_of(load_pipeline("light").classifier)}
    [outputs] = named
    labels = set(outputs) - {UNKNOWN}
    assert len(labels) > 0
    text = " ".join(MODELS_PAGE.split())
    assert f"tell {len(labels)} " in text
    assert ", ".join(sorted(labels)) in text


def test_the_notice_credits_every_package_that_weights_and_clips_come_from():
    notice = (REPOSITORY / "NOTICE").read_text(encoding="utf-8").lower()
    files = [file for card in list_cards() for file in card.files] + [sample.file for sample in list_samples()]
    for source in (parse_source(source) for file in files for source in file.sources):
        package = getattr(source, "package", None)
        assert package is None or package.lower() in notice


def pinned() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        normal(name): version
        for name, version in (line.split("==") for line in lines if line.strip() and not line.startswith("#"))
    }


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_at_a_version_that_is_allowed():
    asked = PROJECT["dependencies"] + [one for group in PROJECT["optional-dependencies"].values() for one in group]
    versions = pinned()
    for requirement in asked:
        wanted = Requirement(requirement)
        assert normal(wanted.name) in versions, f"constraints.txt does not pin {wanted.name}"
        assert versions[normal(wanted.name)] in wanted.specifier, f"constraints.txt does not keep to {requirement}"


@pytest.mark.parametrize(
    "target", [*PROJECT["scripts"].values(), *(v for group in PROJECT["entry-points"].values() for v in group.values())]
)
def test_every_entry_point_leads_to_something(target):
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), name)
    assert found is not None
    assert not isinstance(found, type) or found.__module__ == module


def test_the_changelog_has_a_place_for_what_is_new():
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## Unreleased$", changelog, re.MULTILINE)


def own_files() -> Iterator[tuple[Path, str]]:
    """Our texts: what git would keep, without what tools leave behind and without the licence, which is not ours."""
    folders = ("posec3d_cli", "models", "tests", "examples", "benchmarks", "docs", ".ci")
    candidates = [*REPOSITORY.glob("*"), *(file for one in folders for file in (REPOSITORY / one).rglob("*"))]
    for file in candidates:
        if file.is_file() and file.suffix in WRITTEN_BY_HAND and file.name != "LICENSE" and file != Path(__file__):
            yield file.relative_to(REPOSITORY), file.read_text(encoding="utf-8")


def offenders(pattern: str, *, without: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{file}, line {number}: {line.strip()}"
        for file, text in own_files()
        if not file.as_posix().startswith(without)
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(pattern, line)
    ]


def test_no_file_names_a_place_of_one_machine():
    assert offenders(r"(?<![\w.])/(work|root|home|Users|mnt|opt)/") == []
    assert offenders(r"\.\./shared|(?<![\w.])shared/(data|videos|reference|weights)", without=("tests/", ".ci/")) == []


def test_no_file_names_an_issue_or_a_session():
    # What begins a quotation, as "#0 walk 52%", is a person's tag in a drawn video.
    assert offenders(r"(?i)\b(issue|pull request|PR) #?\d|(?<![\w&#\"`])#\d{2,}\b") == []


def test_no_file_names_the_host_of_a_package_registry():
    hosts = r"pypi\.org|pythonhosted|npmjs|registry\.npm|artifactory|anaconda\.org|crates\.io"
    assert offenders(hosts) == []


def test_every_format_of_pose_files_stands_in_the_table():
    page = (REPOSITORY / "docs" / "pose-files.md").read_text(encoding="utf-8")
    first = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    for installed in installed_formats():
        assert not installed.entry.built_in or installed.format.name in first


def test_the_page_on_pose_files_shows_the_tables_that_convert_joints():
    page = (REPOSITORY / "docs" / "pose-files.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    columns = [COCO_17.numbers_in(source) for source in (BODY_25, OPENPOSE_18, MEDIAPIPE_33, HALPE_26)]
    for joint, numbers in zip(COCO_17.joints, zip(*columns, strict=True), strict=True):
        assert [joint, *map(str, numbers)] in rows

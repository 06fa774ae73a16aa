"""The rules of the house, read off the syntax trees: who imports what, what nobody calls, what everybody documents."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "posec3d_cli"
STAGES = ("detectors", "pose_estimators", "builders", "classifiers")
WITHOUT_TORCH = (
    "errors",
    "labels",
    "skeletons",
    "types",
    "registry",
    "tracking",
    "sampling.clips",
    "answers",
    "results",
    "transforms.heatmaps",
    "transforms.joint_features",
    "stages.protocols",
)
LONGEST = 400
"""Lines; style asks for about 300."""
LONG_FILES = {
    "posec3d_cli/types.py": "every value that passes between stages, on one page",
    "tests/video/test_video.py": "one contract over both readers",
    "tests/hub/test_weights.py": "every way in which a download can fail",
}
ELSEWHERE = "openmmlab"
"""The extra whose packages are not installed where these tests run; they come with what they need themselves."""
OWN_GENERATORS = {"default_rng", "Generator", "RandomState", "SeedSequence", "PCG64"}
"""What may be used of `np.random`: the rest shares one hidden state."""


@dataclass(frozen=True)
class Import:
    """One imported module, and when it is imported: at once, when a function runs, or for type checkers only."""

    module: str
    when: str

    @property
    def top(self) -> str:
        return self.module.split(".")[0]


def name_of(file: Path) -> str:
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def found_imports(node: ast.AST, when: str = "at once") -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, when) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"a relative import: {ast.unparse(child)}"
            for alias in child.names:
                inner = f"{child.module}.{alias.name}"
                yield Import(inner if inner in MODULES else str(child.module), when)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from found_imports(child, "types" if when == "types" else "later")
        elif is_for_types(child):
            yield from (found for part in child.body for found in found_imports(ast.Module([part], []), "types"))
            yield from (found for part in child.orelse for found in found_imports(ast.Module([part], []), when))
        else:
            yield from found_imports(child, when)


@cache
def imports(module: str) -> tuple[Import, ...]:
    return tuple(found_imports(tree_of(module)))


def ours(module: str, *, types: bool = False) -> set[str]:
    """The modules of this package that `module` imports, at once or later; or, with `types`, for type checkers only."""
    return {found.module for found in imports(module) if found.top == PACKAGE.name and (found.when == "types") == types}


def short(module: str) -> str:
    return module.removeprefix(f"{PACKAGE.name}.")


def beyond(*folders: str) -> list[str]:
    """Every module that lies in none of these folders of the package."""
    inside = tuple(f"{PACKAGE.name}.{folder}" for folder in folders)
    return [module for module in MODULES if not module.startswith(inside)]


def importers(modules: list[str], *tops: str) -> dict[str, set[str]]:
    """Which of these modules import any of the packages `tops`, and what of them."""
    found = {module: {one.module for one in imports(module) if one.top in tops} for module in modules}
    return {short(module): names for module, names in found.items() if names}


def test_the_reader_of_imports_tells_when_each_one_happens():
    source = (
        "import a\nfrom b import c\n"
        "if TYPE_CHECKING:\n    import d\nelse:\n    import e\n"
        "try:\n    import f\nexcept ImportError:\n    pass\n"
        "def g():\n    import h\n"
        "class I:\n    import j\n    def k(self):\n        from posec3d_cli import types\n"
    )
    found = {one.module: one.when for one in found_imports(ast.parse(source))}
    assert found == {
        **dict.fromkeys("abefj", "at once"),
        "d": "types",
        "h": "later",
        "posec3d_cli.types": "later",
    }


def test_errors_come_first_then_types_then_stages():
    assert ours("posec3d_cli.errors") | ours("posec3d_cli.errors", types=True) == set()
    assert ours("posec3d_cli.types") == {"posec3d_cli.errors"}
    assert ours("posec3d_cli.types", types=True) <= {"posec3d_cli.skeletons"}
    assert ours("posec3d_cli.stages.protocols") == set()


@pytest.mark.parametrize("kind", STAGES)
def test_no_stage_imports_another_kind_of_stage(kind):
    others = tuple(f"{PACKAGE.name}.stages.{other}" for other in STAGES if other != kind)
    members = [module for module in MODULES if module.startswith(f"{PACKAGE.name}.stages.{kind}")]
    assert members
    for module in members:
        crossed = {other for other in ours(module) | ours(module, types=True) if other.startswith(others)}
        assert not crossed, f"{module} imports {crossed}"


def test_only_the_command_line_knows_the_command_line():
    library = beyond("cli")
    assert importers(library, "typer", "rich") == {}
    for module in library:
        assert not {other for other in ours(module) if other.startswith(f"{PACKAGE.name}.cli")}, module


def test_nobody_imports_click():
    assert importers(list(MODULES), "click") == {}


def test_only_video_imports_a_decoder():
    assert importers(beyond("video"), "av", "decord") == {}


def at_once(module: str) -> set[str]:
    """Everything that importing `module` imports, through every module of this package on the way."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        if name in MODULES:
            waiting += [found.module for found in imports(name) if found.when == "at once"]
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return reached


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_the_pure_parts_work_without_torch(name):
    heavy = {"torch", "cv2", "onnxruntime", "scipy", "av", "decord"}
    assert not {found for found in at_once(f"{PACKAGE.name}.{name}") if found.split(".")[0] in heavy}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {normal(re.split(r"[^\w.-]", text)[0]) for text in project["dependencies"]}
    extras = {
        name: {normal(re.split(r"[^\w.-]", text)[0]) for text in texts}
        for name, texts in project["optional-dependencies"].items()
    }
    extra = set().union(*(names for name, names in extras.items() if name not in ("dev", ELSEWHERE)))
    distributions = importlib.metadata.packages_distributions()
    used: set[str] = set()
    for module in MODULES:
        for found in imports(module):
            if found.top == PACKAGE.name or found.top in sys.stdlib_module_names:
                continue
            offered = {normal(name) for name in distributions.get(found.top, [])}
            if found.top in extras[ELSEWHERE]:
                assert found.when == "later", f"{module} imports {found.top} at once, which few have"
                continue
            assert offered & (declared | extra), f"{module} imports {found.top}, which pyproject.toml does not name"
            used |= offered
    assert declared | extra <= used, "declared, but imported nowhere"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def calls(module: str) -> Iterator[tuple[str, int]]:
    """The dotted name of everything that is called, and its line."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node.lineno


def test_the_library_does_not_print():
    loud = {"print", "sys.stdout.write", "sys.stderr.write", "logging.basicConfig", "warnings.simplefilter"}
    heard = [
        f"{module}, line {line}: {name}" for module in beyond("cli") for name, line in calls(module) if name in loud
    ]
    assert heard == []


def test_no_global_random_state_is_touched():
    assert importers(list(MODULES), "random") == {}
    shared = []
    for module in MODULES:
        for name, line in calls(module):
            owner, _, function = name.rpartition(".")
            if owner in ("np.random", "numpy.random") and function not in OWN_GENERATORS:
                shared.append(f"{module}, line {line}: {name}")
        shared += [f"{module}, line {call.lineno}: {ast.unparse(call)}" for call in unforked(tree_of(module))]
    assert shared == []


def unforked(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that seed torch's global generators for longer than a `with torch.random.fork_rng(...)`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.With) and any("fork_rng" in ast.unparse(item) for item in child.items):
            continue
        if isinstance(child, ast.Call) and ast.unparse(child.func).endswith(("manual_seed", "manual_seed_all")):
            owner = ast.unparse(child.func).rpartition(".")[0]
            if owner.startswith("torch"):  # a generator of one's own may be seeded
                yield child
        yield from unforked(child)


def test_a_seed_is_noticed_outside_of_a_fork_only():
    inside = "with torch.random.fork_rng():\n    torch.manual_seed(1)\nown.manual_seed(1)\n"
    assert list(unforked(ast.parse(inside))) == []
    assert [call.lineno for call in unforked(ast.parse(inside + "torch.cuda.manual_seed_all(1)\n"))] == [4]


def test_what_a_stage_may_have_is_asked_of_a_protocol():
    members = {"device", "object_classes", "needs_heatmaps", "builder", "precision", "labels", "outputs", "temperature"}
    members |= {"logits", "builder_of", "prefers_processor", "frame_size", "crop", "build"}
    defined = {
        part.name if isinstance(part, ast.FunctionDef) else ast.unparse(part.target)
        for node in tree_of("posec3d_cli.stages.protocols").body
        if isinstance(node, ast.ClassDef) and node.name.startswith(("Has", "Knows", "Names", "Needs", "Prefers"))
        for part in node.body
        if isinstance(part, ast.FunctionDef | ast.AnnAssign)
    }
    assert defined == members
    guessed = [
        f"{module}, line {node.lineno}: {ast.unparse(node)}"
        for module in MODULES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("getattr", "hasattr")
        and ast.unparse(node.args[1]).strip("'") in members
    ]
    assert guessed == []


def public(node: ast.Module | ast.ClassDef, owner: str = "") -> Iterator[tuple[str, ast.AST]]:
    yield owner or "the module", node
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public(child, f"{owner}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield f"{owner}{child.name}", child


def test_everything_public_has_a_docstring():
    everything = [(module, *found) for module in MODULES for found in public(tree_of(module))]
    silent = [f"{module}: {name}" for module, name, node in everything if not (ast.get_docstring(node) or "").strip()]
    assert silent == []


def test_long_files_are_named_with_a_reason():
    folders = ("posec3d_cli", "tests", "examples", "benchmarks", "tools")
    long = {
        file.relative_to(REPOSITORY).as_posix()
        for folder in folders
        for file in (REPOSITORY / folder).rglob("*.py")
        if len(file.read_text(encoding="utf-8").splitlines()) > LONGEST
    }
    assert long == set(LONG_FILES)


@cache
def import_map():
    """`tools/import_map.py`, which counts the rooms and holds their order."""
    found = importlib.util.spec_from_file_location("import_map", REPOSITORY / "tools" / "import_map.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_a_room_imports_only_rooms_below_it():
    arrows = import_map().imports_between_files()
    assert import_map().upward(import_map().imports_between_rooms(arrows)) == []


def test_nothing_imports_itself_in_a_circle():
    arrows = import_map().imports_between_files()
    assert import_map().circles(arrows) == []
    assert import_map().circles(import_map().imports_between_rooms(arrows)) == []


def test_an_upward_import_and_a_circle_are_noticed():
    assert import_map().upward({"types": {"errors"}, "errors": {"cli"}, "nowhere": set()}) == [("errors", "cli")]
    assert import_map().circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_few_files_lie_loose_at_the_root_of_the_package():
    assert len(list(PACKAGE.glob("*.py"))) <= 12


def test_what_only_drawing_reports_and_conversions_need_is_imported_by_no_module():
    """Where plots are drawn, an epoch is logged or a graph converted, these are imported; `predict` pays for none."""
    code = (
        "import importlib, pkgutil, sys, posec3d_cli\n"
        "for one in pkgutil.walk_packages(posec3d_cli.__path__, 'posec3d_cli.'):\n"
        "    if one.name != 'posec3d_cli.hub.convert_tfjs': importlib.import_module(one.name)\n"
        "print(*sorted({'matplotlib', 'tensorboardX', 'onnx', 'scipy.stats'} & sys.modules.keys()))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""

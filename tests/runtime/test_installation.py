"""How an extra is added, by where the program was installed from."""

from __future__ import annotations

import importlib
import json
import re

import pytest

from posec3d_cli.runtime import installation
from posec3d_cli.runtime.installation import how_to_add

METADATA = """Metadata-Version: 2.1
Name: posec3d-cli
Version: 9
Requires-Dist: numpy>=1
Requires-Dist: pyarrow>=17; extra == 'parquet'
Requires-Dist: mmdet==3.3.0; (python_version < '3.12') and extra == "openmmlab"
Requires-Dist: setuptools<82; (python_version < '3.12') and extra == "openmmlab"
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts an installed posec3d-cli in front of the real one, with what pip noted down of where it came from."""
    folder = tmp_path / "site" / "posec3d_cli-9.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(METADATA)
    monkeypatch.syspath_prepend(folder.parent)
    importlib.invalidate_caches()

    def from_(origin):
        if origin is not None:
            text = origin if isinstance(origin, str) else json.dumps(origin)
            (folder / "direct_url.json").write_text(text)

    return from_


@pytest.mark.parametrize("origin", [None, "", "{", "[]", "{}", "null"])
def test_from_an_index_the_name_is_enough(installed, origin):
    installed(origin)
    assert how_to_add("openmmlab") == 'pip install "posec3d-cli[openmmlab]"'


@pytest.mark.parametrize("name", ["checkout", "a folder", "höhe 5%"])
def test_from_a_folder_the_folder_is_named(installed, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    installed({"url": folder.as_uri(), "dir_info": {}})
    assert how_to_add("parquet") == f'pip install "{folder}[parquet]"'


def test_a_checkout_that_is_worked_on_stays_one(installed, tmp_path):
    installed({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    assert how_to_add("parquet") == f'pip install -e "{tmp_path}[parquet]"'


def test_what_a_shell_would_take_apart_is_quoted(installed, tmp_path):
    folder = tmp_path / "$HOME"
    folder.mkdir()
    installed({"url": folder.as_uri(), "dir_info": {}})
    assert how_to_add("parquet") == f"pip install '{folder}[parquet]'"


def test_from_a_wheel_the_file_is_named(installed, tmp_path):
    wheel = tmp_path / "posec3d_cli-9-py3-none-any.whl"
    wheel.touch()
    installed({"url": wheel.as_uri(), "archive_info": {}})
    assert how_to_add("openmmlab") == f'pip install "posec3d-cli[openmmlab] @ {wheel.as_uri()}"'


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ({"url": "https://host.example/p.whl", "archive_info": {}}, "https://host.example/p.whl"),
        (
            {"url": "https://host.example/p", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "git+https://host.example/p@ab12",
        ),
        (
            {
                "url": "https://host.example/p",
                "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": "ab"},
            },
            "git+https://host.example/p@v1",
        ),
    ],
)
def test_from_elsewhere_the_address_is_named(installed, origin, url):
    installed(origin)
    assert how_to_add("parquet") == f'pip install "posec3d-cli[parquet] @ {url}"'


@pytest.mark.parametrize("kind", ["dir_info", "archive_info"])
def test_where_it_came_from_is_gone_the_packages_are_named(installed, tmp_path, kind):
    installed({"url": (tmp_path / "gone").as_uri(), kind: {}})
    assert how_to_add("parquet") == 'pip install "pyarrow>=17"'
    assert how_to_add("openmmlab") == 'pip install "mmdet==3.3.0" "setuptools<82"'


def test_what_was_never_installed_runs_out_of_its_checkout(monkeypatch):
    def missing(name):
        raise installation.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(installation.metadata, "distribution", missing)
    found = re.fullmatch(r'pip install "(.*)\[parquet\]"', how_to_add("parquet"))
    assert found is not None
    assert found[1] == str(installation.CHECKOUT)
    assert (installation.CHECKOUT / "posec3d_cli").is_dir()

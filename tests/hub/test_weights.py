"""Fetching is tried against a real web server, real archives and client programs that are really run."""

import errno
import hashlib
import http.server
import io
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from posec3d_cli.errors import WeightsCorrupt, WeightsMismatch, WeightsMissing
from posec3d_cli.hub.cards import ModelCard, WeightFile
from posec3d_cli.hub.weights import cache_home, cached_path, fetch, locate
from posec3d_cli.nets.checkpoints import load_state_dict

posix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in client is a script with a #! line")

pytestmark = pytest.mark.usefixtures("home")
BODY = bytes(range(256)) * 4096  # 1 MiB
OTHER = BODY[::-1]


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves BODY, and a few ways of not serving it."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/missing.bin":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path == "/cut.bin":
            self.wfile.write(BODY[: len(BODY) // 2])
        elif self.path == "/stuck.bin":
            self.wfile.write(BODY[: len(BODY) // 2])
            self.wfile.flush()
            self.server.release.wait(20)
        else:
            self.wfile.write(OTHER if self.path == "/other.bin" else BODY)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        running.asked, running.release = [], threading.Event()
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.release.set()
        running.shutdown()
        thread.join()


def file_of(*sources: str, name: str = "weights", body: bytes = BODY) -> WeightFile:
    return WeightFile(name, sha256=hashlib.sha256(body).hexdigest(), size=len(body), sources=sources)


def card_of(*files: WeightFile, folder: Path = Path("nowhere")) -> ModelCard:
    return ModelCard("mine", "pose", "movenet", "s", "l", "d", files, {}, (), folder, False)


def left_in(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() or ".part-" in path.name)


def test_the_home_is_where_the_environment_says_else_the_users_cache(monkeypatch, home):
    assert cache_home() == home
    monkeypatch.delenv("POSEC3D_HOME")
    assert cache_home().name == "posec3d"


def test_a_download_lands_under_its_hash_and_name_and_is_not_repeated(server, home):
    card = card_of(file_of(f"{server.url}/body.bin"))
    seen = []
    paths = fetch(card, progress=lambda *state: seen.append(state))
    assert paths == {"weights": home / "weights" / f"{card.files[0].sha256[:16]}-body.bin"}
    assert paths["weights"].read_bytes() == BODY
    assert seen[0] == ("body.bin", 0, len(BODY))
    assert seen[-1] == ("body.bin", len(BODY), len(BODY))
    assert fetch(card, offline=True) == paths
    assert locate(card, card.files[0]) == paths["weights"]
    assert server.asked == ["/body.bin"]
    assert left_in(home) == [f"weights/{paths['weights'].name}"]


def test_sources_are_tried_in_the_order_of_the_card(server):
    card = card_of(file_of(f"{server.url}/missing.bin", f"{server.url}/other.bin", f"{server.url}/body.bin"))
    assert fetch(card)["weights"].read_bytes() == BODY
    assert server.asked == ["/missing.bin", "/other.bin", "/body.bin"]


def test_wrong_bytes_are_refused_with_both_hashes_and_nothing_is_kept(server, home):
    with pytest.raises(WeightsCorrupt, match="has the wrong sha256") as caught:
        fetch(card_of(file_of(f"{server.url}/other.bin")))
    assert hashlib.sha256(BODY).hexdigest() in caught.value.what
    assert hashlib.sha256(OTHER).hexdigest() in caught.value.what
    assert "try again" in caught.value.hint
    assert left_in(home) == []


def test_more_bytes_than_announced_are_not_even_stored(server, home):
    with pytest.raises(WeightsMissing, match="delivered more than the expected 100 bytes"):
        fetch(card_of(file_of(f"{server.url}/body.bin", body=b"x" * 100)))
    assert left_in(home) == []


@pytest.mark.parametrize(("path", "reason"), [("/missing.bin", "answered 404"), ("/cut.bin", "was interrupted")])
def test_a_server_that_does_not_deliver_is_named_and_nothing_passes_for_the_file(server, home, path, reason):
    file = file_of(server.url + path)
    with pytest.raises(WeightsMissing, match=reason) as caught:
        fetch(card_of(file))
    assert server.url + path in caught.value.what
    assert str(home / "weights") in caught.value.hint
    assert hashlib.sha256(BODY).hexdigest() in caught.value.hint
    assert not cached_path(file).exists()


def test_an_unreachable_host_is_named(server, home):
    server.socket.close()
    with pytest.raises(WeightsMissing, match=r"127\.0\.0\.1:\d+ cannot be reached"):
        fetch(card_of(file_of(f"{server.url}/body.bin")))
    assert left_in(home) == []


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_offline_never_asks_the_network_and_says_what_is_needed(server, home, monkeypatch, by):
    if by == "environment":
        monkeypatch.setenv("POSEC3D_OFFLINE", "1")
    with pytest.raises(WeightsMissing, match="offline") as caught:
        fetch(card_of(file_of(f"{server.url}/body.bin")), offline=True if by == "argument" else None)
    assert server.asked == []
    assert "without --offline" in caught.value.hint
    assert str(home / "weights") in caught.value.hint


def test_a_damaged_cached_file_is_fetched_anew_and_refused_offline(server):
    card = card_of(file_of(f"{server.url}/body.bin"))
    path = fetch(card)["weights"]
    path.write_bytes(OTHER)
    with pytest.raises(WeightsCorrupt, match="wrong content") as caught:
        fetch(card, offline=True)
    assert str(path) in caught.value.what
    assert fetch(card)["weights"].read_bytes() == BODY


def test_a_folder_in_a_files_place_is_said(server):
    card = card_of(file_of(f"{server.url}/body.bin"))
    cached_path(card.files[0]).mkdir(parents=True)
    with pytest.raises(WeightsMissing, match="Is a directory"):
        fetch(card)


def test_a_file_put_there_by_hand_is_taken(home):
    card = card_of(file_of("npm:package@1.0.0/package/weights.bin"))
    path = cached_path(card.files[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    assert fetch(card, offline=True) == {"weights": path}


def test_a_shipped_file_is_verified_and_used_where_it_lies(tmp_path, home):
    (tmp_path / "card").mkdir()
    shipped = tmp_path / "card" / "weights.bin"
    card = card_of(file_of("file:weights.bin"), folder=tmp_path / "card")
    with pytest.raises(WeightsMissing, match="there is no such file"):
        fetch(card)
    shipped.write_bytes(OTHER)
    with pytest.raises(WeightsCorrupt, match="wrong content"):
        fetch(card)
    shipped.write_bytes(BODY)
    assert fetch(card, offline=True) == {"weights": shipped}
    assert left_in(home) == []


def test_a_bundle_is_filled_from_the_cache_and_works_as_a_home(server, tmp_path, monkeypatch):
    card = card_of(file_of(f"{server.url}/body.bin"))
    fetch(card)
    bundle = tmp_path / "bundle"
    assert fetch(card, home=bundle, offline=True)["weights"].is_relative_to(bundle)
    assert server.asked == ["/body.bin"]
    monkeypatch.setenv("POSEC3D_HOME", str(bundle))
    assert fetch(card, offline=True)["weights"].read_bytes() == BODY


@pytest.mark.parametrize("moment", ["write", "close"])
def test_a_full_disk_is_said_and_leaves_nothing(server, home, monkeypatch, moment):
    class FullDisk(io.FileIO):
        def write(self, chunk):
            if moment == "write":
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(chunk)

        def close(self):
            failing = moment == "close" and not self.closed
            super().close()
            if failing:
                raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda self, mode="r", **_: FullDisk(self, mode.replace("b", "")))
    with pytest.raises(WeightsMissing, match="cannot be written: No space left on device") as caught:
        fetch(card_of(file_of(f"{server.url}/body.bin", f"{server.url}/second.bin")))
    assert server.asked == ["/body.bin"]
    assert "POSEC3D_HOME" in caught.value.hint
    assert left_in(home) == []


def test_a_home_that_cannot_be_made_is_said(tmp_path, monkeypatch, server):
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "occupied"))
    with pytest.raises(WeightsMissing, match="cannot be written") as caught:
        fetch(card_of(file_of(f"{server.url}/body.bin")))
    assert "POSEC3D_HOME" in caught.value.hint


@posix
def test_what_a_killed_download_left_is_never_taken_and_is_removed_by_the_next(server, home):
    stuck = card_of(file_of(f"{server.url}/stuck.bin"))
    code = (
        "import sys; from pathlib import Path\n"
        "from posec3d_cli.hub.cards import ModelCard, WeightFile\n"
        "from posec3d_cli.hub.weights import fetch\n"
        f"file = WeightFile('weights', ({server.url + '/stuck.bin'!r},), {stuck.files[0].sha256!r}, {len(BODY)})\n"
        "fetch(ModelCard('mine', 'pose', 'movenet', 's', 'l', 'd', (file,), {}, (), Path('nowhere'), False))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not list(home.glob("weights/.part-*/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all(".part-" in name for name in left_in(home))
    assert left_in(home)
    assert not cached_path(stuck.files[0]).exists()
    fetch(card_of(file_of(f"{server.url}/body.bin")))
    assert left_in(home) == [f"weights/{stuck.files[0].sha256[:16]}-body.bin"]


@posix
def test_what_other_machines_left_is_removed_after_a_day_and_what_live_processes_write_is_kept(server, home):
    weights = home / "weights"
    host = "".join(c for c in platform.node() if c.isalnum())[:32]
    young, old, live, foreign = (
        weights / name for name in (".part-far-1-a", ".part-far-1-b", f".part-{host}-{os.getpid()}-c", ".part-odd")
    )
    for folder in (young, old, live, foreign):
        folder.mkdir(parents=True)
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    os.utime(live, (two_days_ago, two_days_ago))
    fetch(card_of(file_of(f"{server.url}/body.bin")))
    assert [folder.exists() for folder in (young, old, live, foreign)] == [True, False, True, True]


def test_many_at_once_all_get_the_same_whole_file(server, home):
    card = card_of(file_of(f"{server.url}/body.bin"))
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(fetch(card)["weights"].read_bytes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [BODY] * 8
    assert left_in(home) == [f"weights/{card.files[0].sha256[:16]}-body.bin"]


def tarball_of(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tarball:
        for name, body in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tarball.addfile(entry, io.BytesIO(body))
    return path


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts a program called npm on PATH; it is given the shell lines of its body."""
    folder = tmp_path / "bin"
    folder.mkdir()
    log = tmp_path / "npm.log"
    shell = shutil.which("sh")

    def install(*lines: str) -> Path:
        program = folder / "npm"
        program.write_text("\n".join([f"#!{shell}", f'echo "$@" >> {log}', *lines]) + "\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return log

    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
    return install


TOPOLOGY = b'{"nodes": []}'


def npm_card() -> ModelCard:
    return card_of(
        file_of("npm:@scope/package@1.2.3/package/models/a.bin", name="weights"),
        file_of("npm:@scope/package@1.2.3/package/models/a.json", name="topology", body=TOPOLOGY),
    )


@posix
def test_two_files_of_one_npm_package_cost_one_run_of_npm(npm, tmp_path, home):
    members = {"package/package.json": b"{}", "package/models/a.bin": BODY, "package/models/a.json": TOPOLOGY}
    log = npm(f"cp {tarball_of(tmp_path / 'package.tgz', members)} scope-package-1.2.3.tgz")
    paths = fetch(npm_card())
    assert (paths["weights"].read_bytes(), paths["topology"].read_bytes()) == (BODY, TOPOLOGY)
    [line] = log.read_text().splitlines()
    assert line.startswith("pack @scope/package@1.2.3 ")
    assert left_in(home) == sorted(f"weights/{path.name}" for path in paths.values())


@posix
@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["echo 'npm error code E404' >&2", "echo 'npm error 404 Not Found' >&2", "exit 1"],
            "npm failed: 404 Not Found",
        ),
        (["exit 3"], "npm failed: exit 3"),
        (["exit 0"], r"left no \*.tgz file"),
        (["printf broken > package.tgz"], "tarball is damaged"),
        (["cp $ARCHIVE package.tgz"], "the package holds no package/models/a.bin"),
        (["head -c 300 $ARCHIVE > package.tgz"], "tarball is damaged"),
    ],
)
def test_an_npm_that_does_not_deliver_is_quoted_and_leaves_nothing(npm, tmp_path, monkeypatch, home, lines, reason):
    monkeypatch.setenv("ARCHIVE", str(tarball_of(tmp_path / "other.tgz", {"package/x": os.urandom(4000)})))
    log = npm(*lines)
    with pytest.raises(WeightsMissing, match=reason):
        fetch(npm_card())
    assert len(log.read_text().splitlines()) == 1
    assert left_in(home) == []


@posix
def test_a_package_whose_file_changed_is_refused(npm, tmp_path, home):
    npm(f"cp {tarball_of(tmp_path / 'package.tgz', {'package/models/a.bin': OTHER})} package.tgz")
    with pytest.raises(WeightsCorrupt, match="has the wrong sha256"):
        fetch(npm_card())
    assert left_in(home) == []


@posix
def test_a_program_called_npm_that_cannot_be_run_is_said(npm, tmp_path):
    npm()
    (tmp_path / "bin" / "npm").write_text("#!/no/such/interpreter\n")
    with pytest.raises(WeightsMissing, match="npm cannot be run: No such file or directory"):
        fetch(npm_card())


def test_a_missing_npm_is_said_and_the_next_source_is_tried(monkeypatch, tmp_path, server):
    monkeypatch.setenv("PATH", str(tmp_path))
    npm_source = "npm:package@1.0.0/package/body.bin"
    with pytest.raises(WeightsMissing, match="npm is not installed, or not on PATH"):
        fetch(card_of(file_of(npm_source)))
    assert fetch(card_of(file_of(npm_source, f"{server.url}/body.bin")))["weights"].read_bytes() == BODY


@pytest.fixture
def wheelhouse(tmp_path, monkeypatch) -> Path:
    """A folder with one wheel; pip is told to look there and nowhere else."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    with zipfile.ZipFile(folder / "posec3d_test_clips-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("clips/demo.mp4", BODY)
        wheel.writestr(
            "posec3d_test_clips-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: posec3d-test-clips\nVersion: 1.0\nRequires-Python: <3\n",
        )
        wheel.writestr("posec3d_test_clips-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("posec3d_test_clips-1.0.dist-info/RECORD", "")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.mark.usefixtures("wheelhouse")
def test_a_file_of_a_wheel_comes_through_pip_even_where_the_package_wants_another_python(home):
    paths = fetch(card_of(file_of("pypi:posec3d-test-clips==1.0/clips/demo.mp4")))
    assert paths["weights"].read_bytes() == BODY
    assert left_in(home) == [f"weights/{paths['weights'].name}"]


@pytest.mark.usefixtures("wheelhouse")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "pypi:posec3d-test-clips==2.0/clips/demo.mp4",
            "pip failed: Could not find a version",
        ),
        ("pypi:posec3d-test-clips==1.0/clips/none.mp4", "the package holds no clips/none.mp4"),
    ],
)
def test_a_pip_that_does_not_deliver_is_quoted(home, source, reason):
    with pytest.raises(WeightsMissing, match=reason):
        fetch(card_of(file_of(source)))
    assert left_in(home) == []


def test_a_missing_pip_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsMissing, match="pip is not installed for this Python, nor on PATH"):
        fetch(card_of(file_of("pypi:posec3d-test-clips==1.0/clips/demo.mp4")))


def test_the_same_bytes_written_by_another_process_meanwhile_do_no_harm(server, home):
    card = card_of(file_of(f"{server.url}/body.bin"))

    def overtake(name: str, done: int, total: int) -> None:
        cached_path(card.files[0]).write_bytes(BODY)

    assert fetch(card, progress=overtake)["weights"].read_bytes() == BODY


TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(1, dtype=torch.float16)}


def check_same(loaded: dict[str, torch.Tensor]) -> None:
    assert loaded.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_safetensors_and_torch_files_give_the_same_tensors(tmp_path):
    save_file(TENSORS, tmp_path / "w.safetensors")
    torch.save(TENSORS, tmp_path / "w.pth")
    torch.save({"state_dict": TENSORS, "meta": {"epoch": 3}}, tmp_path / "checkpoint.pth")
    for name in ("w.safetensors", "w.pth", "checkpoint.pth"):
        check_same(load_state_dict(tmp_path / name))


class Payload:
    def __reduce__(self):
        return (os.mkdir, ("/tmp/posec3d-was-here",))


@pytest.mark.parametrize("place", [lambda one: {"a": one}, lambda one: {"state_dict": TENSORS, "meta": one}])
def test_code_in_a_torch_file_is_not_run(tmp_path, place):
    torch.save(place(Payload()), tmp_path / "evil.pth")
    with pytest.raises(WeightsMismatch, match=r"more than tensors: to load its \w+\.mkdir could run code") as caught:
        load_state_dict(tmp_path / "evil.pth")
    assert "torch.save({'state_dict': torch.load('evil.pth', weights_only=False)['state_dict']}" in caught.value.hint
    assert not Path("/tmp/posec3d-was-here").exists()


def test_objects_of_a_training_library_are_refused_by_name(tmp_path):
    torch.save({"state_dict": TENSORS, "message_hub": Buffer()}, tmp_path / "epoch_3.pth")
    with pytest.raises(WeightsMismatch, match=r"to load its \S+\.Buffer could run code"):
        load_state_dict(tmp_path / "epoch_3.pth")


class Buffer:
    """As the log of an mmengine training."""


META = {
    "mmcv 1": {"config": "model = dict()", "epoch": 240, "iter": 5, "mmcv_version": "1.3.18", "CLASSES": ("a", "b")},
    "best score": {"hook_msgs": {"best_score": np.float64(0.9367), "best_ckpt": "best.pth"}, "seed": np.int64(0)},
    "mmengine": {"dataset_meta": {"sigmas": np.arange(17.0), "names": np.array(["nose"]), "upper": np.array([True])}},
}


@pytest.mark.parametrize("meta", META.values(), ids=META)
@pytest.mark.parametrize("numpy_name", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_a_published_checkpoint_gives_its_tensors(tmp_path, meta, numpy_name):
    torch.save({"meta": meta, "state_dict": OrderedDict(TENSORS)}, tmp_path / "checkpoint.pth")
    with zipfile.ZipFile(tmp_path / "checkpoint.pth") as written, zipfile.ZipFile(tmp_path / "older.pth", "w") as older:
        for entry in written.infolist():
            older.writestr(entry.filename, written.read(entry).replace(b"numpy._core.multiarray", numpy_name))
    check_same(load_state_dict(tmp_path / "older.pth"))


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_file_of_something_else_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"hello, world")
    with pytest.raises(WeightsCorrupt, match=name):
        load_state_dict(tmp_path / name)
    with pytest.raises(WeightsMissing, match="cannot be read"):
        load_state_dict(tmp_path / f"absent-{name}")


def test_a_torch_file_without_named_tensors_is_refused(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(WeightsMismatch, match="no table of tensors but list"):
        load_state_dict(tmp_path / "list.pth")

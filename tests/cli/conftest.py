import shutil
from collections.abc import Callable
from dataclasses import dataclass

import batch_fakes
import pytest
import video_factory

from posec3d_cli.cli.app import main


@dataclass(frozen=True)
class Ran:
    """What one run of the program answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def posec3d(monkeypatch, capsys) -> Callable[..., Ran]:
    """Runs the program in this process: `posec3d("models", "list").out`."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["posec3d", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        code = exit_.value.code
        return Ran(0 if code is None else int(code), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clip") / "clip.mp4", 20)


@pytest.fixture
def label(posec3d, monkeypatch, tmp_path, clip):
    """Runs `label` with fake models in a folder of its own; `copies` names the videos to put into `clips/`."""
    monkeypatch.setattr("posec3d_cli.batch.label_task.LabelTask", batch_fakes.LabelTask)
    monkeypatch.setenv("FAKE_JOURNAL", str(tmp_path / "journal.txt"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments, copies=(), output="labels.csv"):
        for name in copies:
            path = tmp_path / "clips" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(clip, path)
        (tmp_path / "journal.txt").write_text("")
        # One at a time, so that the order is known.
        return posec3d("label", *(arguments or ("clips",)), "-o", output, "--workers", 1)

    return run

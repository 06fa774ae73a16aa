from collections.abc import Callable
from dataclasses import dataclass

import pytest

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

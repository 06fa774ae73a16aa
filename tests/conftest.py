"""What every test may need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posec3d_cli.errors import WeightsMissing
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.weights import fetch

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _poses_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds the poses, or the copies of inputs, that another one, or the user, kept."""
    monkeypatch.setattr("posec3d_cli.extraction.cache.default_folder", lambda: tmp_path_factory.mktemp("poses"))
    inputs = tmp_path_factory.mktemp("inputs")
    monkeypatch.setattr("posec3d_cli.sources.cache.default_folder", lambda: inputs)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch computes on one thread in the whole file: other numbers of threads add up in another order."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def calm_torch(one_thread: None) -> Iterator[None]:
    """One thread, and a random state that begins at 0 and that the test does not leave changed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; tests that need it are marked `shared`."""
    folder = Path(os.environ.get("POSEC3D_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        if os.environ.get("POSEC3D_REQUIRE_SHARED") == "1":
            pytest.fail(f"POSEC3D_REQUIRE_SHARED=1, but there is no folder {folder}")
        pytest.skip("the shared data folder is not there")
    return folder


@pytest.fixture(scope="session")
def weights() -> Callable[[str], tuple[ModelCard, dict[str, Path]]]:
    """A model's card and its real weights by the model's name; tests that need them are marked `weights`."""

    def fetch_by_name(name: str) -> tuple[ModelCard, dict[str, Path]]:
        card = load_card(name)
        try:
            return card, fetch(card)
        except WeightsMissing as error:
            if os.environ.get("POSEC3D_REQUIRE_WEIGHTS") == "1":
                raise
            pytest.skip(f"the weights cannot be fetched here: {error.what}")

    return fetch_by_name

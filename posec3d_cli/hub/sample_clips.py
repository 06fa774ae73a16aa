"""Sample clips, fetched and verified like weights; `models/samples.toml` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posec3d_cli.errors import UnknownSample, did_you_mean
from posec3d_cli.hub.cards import Bytes, CardTable, Sha256, Sources, WeightFile, read_toml
from posec3d_cli.hub.catalog import models_folder
from posec3d_cli.hub.download import DownloadCallback, fetch_files
from posec3d_cli.hub.weights import cache_home
from posec3d_cli.schema import Text, read


class SampleTable(CardTable, frozen=True):
    """The entry of a clip in `samples.toml`; the attributes are those of `Sample` and of its file."""

    summary: Text
    licence: Text
    credit: Text
    filename: Text
    sha256: Sha256
    size: Bytes
    sources: Sources


@dataclass(frozen=True)
class Sample:
    """A sample clip.

    Attributes:
        name: its name on the command line.
        summary: its content, in one line.
        licence: the licence of the clip.
        credit: its author.
        filename: its name in the cache.
        file: size, hash and sources.
    """

    name: str
    summary: str
    licence: str
    credit: str
    filename: str
    file: WeightFile

    @property
    def path(self) -> Path:
        """The path of the clip in the cache, whether or not it exists."""
        return cache_home() / "samples" / self.filename


def list_samples() -> list[Sample]:
    """Every sample, by name.

    Raises:
        BadCard: `samples.toml` is damaged.
    """
    file = models_folder() / "samples.toml"
    samples = []
    for name, entry in sorted(read_toml(file).items()):
        table = read(SampleTable, entry, where=file, key=name)
        weights = WeightFile(name, table.sources, table.sha256, table.size)
        samples.append(Sample(name, table.summary, table.licence, table.credit, table.filename, weights))
    return samples


def fetch_sample(name: str, *, offline: bool | None = None, progress: DownloadCallback | None = None) -> Path:
    """The path of the verified clip, downloaded if it is missing.

    Raises:
        UnknownSample: there is no sample of this name.
        WeightsMissing: no source delivers it, or it cannot be written.
        WeightsCorrupt: the downloaded file has another sha256.
    """
    samples = {sample.name: sample for sample in list_samples()}
    if name not in samples:
        raise UnknownSample(
            f"no sample is called {name!r}",
            hint=f"{did_you_mean(name, samples)}there are: {', '.join(sorted(samples))}",
        )
    sample = samples[name]
    paths = fetch_files(
        {sample.file: sample.path},
        owner=f"the sample {name!r}",
        folder=models_folder(),
        offline=offline,
        progress=progress,
    )
    return paths[name]

import pytest

from posec3d_cli.errors import BadCard, UnknownSample
from posec3d_cli.hub import sample_clips


def test_the_walk_comes_from_the_package_that_carries_it():
    [walk] = [sample for sample in sample_clips.list_samples() if sample.name == "walk"]
    assert walk.file.sources == ("pypi:sports2d==0.8.27/Sports2D/Demo/demo.mp4",)
    assert walk.filename == "walk.mp4"
    assert walk.file.sha256.startswith("d9a66417")


def test_an_unknown_sample_is_refused():
    with pytest.raises(UnknownSample, match="no sample is called 'run'"):
        sample_clips.fetch_sample("run")


@pytest.mark.parametrize(
    ("text", "said"),
    [("walk = 3\n", "walk must be a table, got 3"), ("[walk]\nsummary = 's'\n", r"walk\.licence is missing")],
)
def test_a_damaged_list_names_the_sample_and_the_key(tmp_path, monkeypatch, text, said):
    (tmp_path / "samples.toml").write_text(text)
    monkeypatch.setattr(sample_clips, "models_folder", lambda: tmp_path)
    with pytest.raises(BadCard, match=said):
        sample_clips.list_samples()

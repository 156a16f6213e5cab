"""What several tests need."""

from pathlib import Path

import pytest
from small_runs import SMALL


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real radiographs beside the project; tests that need it are skipped where it is not there."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real radiographs at {folder}")
    return folder


@pytest.fixture(scope="session")
def _built_place(tmp_path_factory):
    from embedlearn import pretrain
    from embedlearn.radiographs.phantom import write_phantoms

    place = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(place / "cache"))
        write_phantoms(place / "films", patients=240, films=2, size=64, seed=3)
        pretrain.main(["--data", str(place / "films"), "--runs", str(place / "runs"), "--name", "base", *SMALL])
    return place


@pytest.fixture
def place(_built_place, monkeypatch):
    """A folder with phantoms, a cache of its own, and a finished run `runs/base`; made once for all tests."""
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
    return _built_place


@pytest.fixture(scope="session")
def _built_gallery(_built_place, tmp_path_factory):
    from embedlearn import index

    folder = tmp_path_factory.mktemp("served") / "gallery"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        index.main(["--run", str(_built_place / "runs" / "base"), "--out", str(folder)])
    return folder


@pytest.fixture
def gallery(_built_gallery, place):
    """A gallery of all films of the run in `place`; not to be changed."""
    return _built_gallery


@pytest.fixture
def served_flags(place, gallery, monkeypatch):
    """Flags with which `serve` starts; neither the environment nor torch keeps what it sets."""
    import torch

    threads = torch.get_num_threads()
    monkeypatch.delenv("EMBEDLEARN_TOKEN", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    run = ["--run", str(place / "runs" / "base"), "--gallery", str(gallery)]
    yield [*run, "--threads", "1", "--decoders", "1"]
    torch.set_num_threads(threads)


@pytest.fixture
def refused(capsys):
    """Call a command's main; it must exit with code 2 and print one line, which is returned."""

    def call(main, *words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(word) for word in words])
        complaint = capsys.readouterr().err
        assert exit_.value.code == 2
        assert complaint.count("\n") == 1, complaint
        assert "Traceback" not in complaint
        return complaint

    return call

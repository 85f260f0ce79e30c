"""What `run` records of the config that it reads, and which changes a reload cannot make."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli import watched_config
from flowgate.config.loader import read
from flowgate.domain import Config, Sourced
from flowgate.errors import FlowGateError, LockTimeout, MultipleErrors, UsageError
from flowgate.supervisor import config_record
from flowgate.supervisor.config_record import ConfigRecord

TEXT = """\
config_version: 2
services:
  litellm: {port: 4000}
  cliproxyapi_plus: {port: 8317, command: {args: [cliproxyapi, -config, own.yaml]}}
litellm_base:
  model_list:
    - {model_name: m, litellm_params: {model: openai/m, api_key: k}}
profiles:
  balanced: {}
secret_files: [secret.key]
"""


def config(*changes: tuple[str, str]) -> Config:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read(text, Path("/somewhere/flowgate.yaml"))


NEED_A_RESTART = {
    "services.litellm.port": ("port: 4000", "port: 4001"),
    "services.litellm.host": ("port: 4000", "port: 4000, host: 127.0.0.2"),
    "services.cliproxyapi_plus.port": ("8317", "8318"),
    "services.cliproxyapi_plus.command": ("own.yaml", "other.yaml"),
    "paths.runtime_dir": ("profiles:", "paths: {runtime_dir: elsewhere}\nprofiles:"),
    "paths.log_file": ("profiles:", "paths: {log_file: elsewhere.log}\nprofiles:"),
}


@pytest.mark.parametrize("key", NEED_A_RESTART)
def test_a_change_that_needs_a_restart_is_named_with_its_place(key: str) -> None:
    with pytest.raises(FlowGateError) as caught:
        watched_config.require_no_restart(config(), config(NEED_A_RESTART[key]))
    errors = caught.value.errors if isinstance(caught.value, MultipleErrors) else (caught.value,)
    first = next(one for one in errors if f"'{key}' has changed" in one.what)
    assert "flowgate.yaml:" in first.place
    assert "restart" in first.fix


@pytest.mark.parametrize(
    "change", [("{}", "{router_settings: {num_retries: 2}}"), ("balanced", "fast"), ("[secret.key]", "[other.pem]")]
)
def test_other_changes_need_none(change: tuple[str, str]) -> None:
    watched_config.require_no_restart(config(), config(change))


def write(folder: Path, text: str = TEXT) -> Sourced[Path]:
    path = folder / "flowgate.yaml"
    path.write_text(text)
    return Sourced(path, "typed")


def test_all_files_are_recorded_with_what_they_contained(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("general_settings: {}\n")
    named = write(tmp_path, TEXT.replace("model_list:", "include: [models.yaml]\n  model_list:"))
    _, reading = watched_config.read(named, tmp_path)
    found = {Path(path).name: digest for path, digest in reading.record.files.items()}
    assert found.keys() == {"flowgate.yaml", "models.yaml", "own.yaml", "secret.key"}
    assert found["models.yaml"] == config_record.digest(tmp_path / "models.yaml")
    assert found["own.yaml"] == "missing"


def test_a_refused_config_is_recorded_with_the_files_that_it_asked_for(tmp_path: Path) -> None:
    named = write(tmp_path, TEXT.replace("model_list:", "include: [models.yaml]\n  model_list:"))
    with pytest.raises(FlowGateError):
        watched_config.read(named, tmp_path)
    record = config_record.load(tmp_path)
    assert "models.yaml does not exist" in record.refused
    assert str(tmp_path / "models.yaml") in record.files


def test_the_time_of_the_first_refusal_stays(tmp_path: Path) -> None:
    config_record.save(tmp_path, ConfigRecord(refused="first", since="then"))
    watched_config.refuse(tmp_path, ConfigRecord(), UsageError("second"))
    assert config_record.load(tmp_path).since == "then"


def test_only_a_lock_is_worth_another_try(tmp_path: Path) -> None:
    watched_config.refuse(tmp_path, ConfigRecord(), UsageError("wrong"))
    assert not config_record.load(tmp_path).again
    watched_config.refuse(tmp_path, ConfigRecord(), LockTimeout("another command"))
    assert config_record.load(tmp_path).again


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"unknown": 1}', "not json", "{"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / config_record.READ).write_text(text)
    assert config_record.load(tmp_path) == ConfigRecord()

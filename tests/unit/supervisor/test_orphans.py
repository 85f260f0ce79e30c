"""Records of generations: only files that are records count, whatever else lies beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowgate.supervisor import config_record, orphans
from flowgate.supervisor.config_record import ConfigRecord
from flowgate.supervisor.worker_client import stem

RECORD = {"service": "litellm", "number": 3, "pid": 0, "ticks": -1}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return `run/` of a runtime folder."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_what_run_keeps_of_its_config_is_no_record(run: Path) -> None:
    config_record.save(run.parent, ConfigRecord({"flowgate.yaml": "1234"}))
    config_record.save_in_force(run.parent, {"flowgate.yaml": "services: {}"})
    assert orphans.records(run) == []


def test_what_run_keeps_of_its_config_outlives_the_sweep_of_the_next_supervisor(run: Path) -> None:
    config_record.save_in_force(run.parent, {"flowgate.yaml": "services: {}"})
    orphans.sweep(run, log=lambda line: None)
    assert config_record.load_in_force(run.parent)


@pytest.mark.parametrize("name", [stem("litellm", 3), stem("litellm", 3, 2), stem("cliproxyapi_plus", 12)])
def test_the_records_of_all_workers_are_found(run: Path, name: str) -> None:
    (run / f"{name}.json").write_text(json.dumps(RECORD))
    assert [record["number"] for record in orphans.ended(run)] == [3]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"files": 1}', '{"service": "x"}', '{"number": 3}'])
def test_a_file_that_names_no_generation_has_an_empty_record_and_is_swept(run: Path, text: str) -> None:
    path = run / "litellm-3.json"
    path.write_text(text)
    assert [(found, bool(record)) for found, record in orphans.records(run)] == [(path, False)]
    assert [*orphans.ended(run), *orphans.living(run)] == []
    orphans.sweep(run, log=lambda line: None)
    assert not path.exists()

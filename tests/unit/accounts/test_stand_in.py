"""A login is refused where the embedded upstream would receive it in place of the program that the config names."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.accounts.stand_in import require_real_upstream
from flowgate.config.loader import read
from flowgate.domain import Config
from flowgate.errors import UsageError
from flowgate.supervisor.status_document import GenerationStatus

TEXT = """\
services:
  litellm: {port: 4000}
  cliproxyapi_plus: {port: 8317, command: {args: [PROGRAM, -config, own.yaml]}}
litellm_base:
  model_list:
    - {model_name: m, litellm_params: {model: openai/m, api_key: k}}
profiles:
  balanced: {}
"""
URL = "remote: 'https://h:1', key: os.environ/K, management_key: os.environ/M"
FILE = Path("/somewhere/flowgate.yaml")
REMOTE = TEXT.replace("port: 8317, command: {args: [PROGRAM, -config, own.yaml]}", URL)


def config(program: str = "CLIProxyAPIPlus", text: str = TEXT) -> Config:
    return read(text.replace("PROGRAM", program), FILE)


def running(**labels: str) -> GenerationStatus:
    return {"number": 1, "phase": "serving", "host": "127.0.0.1", "port": 8317, "digest": "d", "labels": labels}


@pytest.mark.parametrize(
    "label, who, fix",
    [
        ("/examples/embedded.yaml", "started with /examples/embedded.yaml", "inv down, then inv auth.login"),
        ("/other/flowgate.yaml", "started with /other/flowgate.yaml", "inv down, then inv auth.login"),
        ("yes", "started with another config", "inv down, then inv auth.login"),
        (str(FILE), "started with this config before it was edited", "inv service.restart --service"),
        ("/somewhere/../somewhere/flowgate.yaml", "this config before it was edited", "then inv auth.login"),
    ],
)
def test_a_stand_in_is_refused_with_the_config_that_it_was_started_with(label: str, who: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_real_upstream(config(), running(embedded=label), "codex")
    assert who in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.place == f"{FILE}:3"


@pytest.mark.parametrize(
    "own, found",
    [
        (config(), None),
        (config(), running(profile="cost")),
        (config(), running()),
        (config(".router/runtime/bin/embedded-upstream"), running(embedded=str(FILE))),
        (config(".router/runtime/bin/embedded-upstream"), running(embedded="/other.yaml")),
        (config(text=REMOTE), running(embedded="/other.yaml")),
    ],
    ids=["nothing runs", "another real one", "its own", "its own stand-in", "another stand-in", "a remote one"],
)
def test_another_login_is_not_refused(own: Config, found: GenerationStatus | None) -> None:
    require_real_upstream(own, found, "codex")

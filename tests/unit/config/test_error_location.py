from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.config.error_location import locate_setting
from flowgate.config.loader import read

CONFIG = """\
services:
  litellm: {port: 4000, command: {args: [x]}}
  cliproxyapi_plus: {port: 8317, command: {args: [x]}}
litellm_base:
  model_list:
    - model_name: router-default
      litellm_params:
        model: openai/big
  general_settings:
    master_key: sk-1234
profiles:
  cost:
    router_settings:
      routing_strategy: fastest
    litellm_settings:
      callbacks:
        - my_module.handler
  cheap:
    model_list:
      - model_name: router-default
        litellm_params:
          model: nosuchvendor/x
"""


@pytest.mark.parametrize(
    "profile, words, line",
    [
        ("cost", "ValueError: Invalid routing_strategy: 'fastest'. Valid options: ['simple-shuffle']", 14),
        ("cost", "ImportError: Could not import handler from my_module", 17),
        ("cost", "UnsafeMasterKeyError: the master key is a publicly known default", 10),
        ("cheap", "BadRequestError: LLM Provider NOT provided. You passed model=nosuchvendor/x", 22),
        ("cheap", "killed by SIGKILL", None),
        ("cheap", "", None),
    ],
)
def test_an_error_message_is_located_at_the_setting_that_it_names(
    tmp_path: Path, profile: str, words: str, line: int | None
) -> None:
    file = tmp_path / "flowgate.yaml"
    assert locate_setting(read(CONFIG, file), profile, words) == (f"{file}:{line}" if line else "")

"""Every entry of docs/how-to/providers.md works with the real LiteLLM, without CLIProxyAPIPlus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from tests.conftest import CHECKOUT, REAL_LITELLM, Workspace
from tests.live.conftest import Gateway
from tests.live.provider_stand_ins import ANSWER, PROTOCOLS, StandIns, serving

PAGE = (CHECKOUT / "docs" / "how-to" / "providers.md").read_text(encoding="utf-8")
ENTRIES: list[Any] = [
    one for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S) for one in yaml.safe_load(block)
]
KEY = "os.environ/"


class Providers(NamedTuple):
    """The running gateway, its key, and the stand-ins behind it."""

    gateway: Gateway
    key: str
    stand_ins: StandIns


def provider(entry: Any) -> str:
    return str(entry["litellm_params"]["model"]).partition("/")[0]


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    """The real LiteLLM alone, with all entries of the page; each address leads to the stand-in of its provider."""
    place = Workspace(tmp_path_factory.mktemp("providers"))
    with serving() as stand_ins:
        entries = [
            {**one, "litellm_params": {**one["litellm_params"], "api_base": stand_ins.base(provider(one))}}
            for one in ENTRIES
        ]
        references = [key for one in ENTRIES if (key := one["litellm_params"]["api_key"]).startswith(KEY)]
        place.variables |= {
            name: f"sk-{name.split('_')[0].lower()}" for name in (one.removeprefix(KEY) for one in references)
        }
        services = {"litellm": {"port": place.litellm_port, "command": {"args": list(REAL_LITELLM)}}}
        base = {"model_list": entries}
        paths = {"runtime_dir": ".router/runtime"}
        place.config.write_text(
            json.dumps({"paths": paths, "services": services, "litellm_base": base, "profiles": {"balanced": {}}})
        )
        try:
            place.inv("up")
            yield Providers(gateway := Gateway(place), gateway.key(), stand_ins)
            place.inv("down")
            assert place.nothing_runs()
        finally:
            place.kill_processes()


def test_the_page_has_an_entry_for_every_protocol() -> None:
    assert {provider(one) for one in ENTRIES} == set(PROTOCOLS)


@pytest.mark.parametrize("name", [one["model_name"] for one in ENTRIES])
def test_an_entry_of_the_page_answers(providers: Providers, name: str) -> None:
    status, text = providers.gateway.chat(providers.key, name)
    assert (status, json.loads(text)["choices"][0]["message"]["content"] if status == 200 else text) == (200, ANSWER)


@pytest.mark.parametrize("name", [one["model_name"] for one in ENTRIES])
def test_an_entry_of_the_page_streams(providers: Providers, name: str) -> None:
    status, text = providers.gateway.chat(providers.key, name, stream=True)
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    found = [one["choices"][0]["delta"].get("content") or "" for line in lines if (one := json.loads(line))["choices"]]
    assert (status, "".join(found)) == (200, ANSWER)


def test_the_other_dialect_reaches_the_provider_too(providers: Providers) -> None:
    body = {"model": "anthropic", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
    status, text = providers.gateway.request("/v1/messages", body, key=providers.key)
    assert (status, ANSWER in text) == (200, True)


def test_a_question_and_its_explanation_name_the_provider(providers: Providers) -> None:
    asked = providers.gateway.workspace.inv("ask", "hello", "--model", "gemini")
    assert asked.stdout.strip() == ANSWER
    assert "answered by gemini/gemini-2.5-pro" in asked.stderr

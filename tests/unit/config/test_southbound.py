"""Whether the gateway has a CLIProxyAPIPlus: named in the config, implied by a setting, or absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.config.loader import read
from flowgate.domain import Config

Reads = Callable[..., Config]
FILE = Path("/home/me/config/flowgate.yaml")
BOTH, ALONE = ["litellm", "cliproxyapi_plus"], ["litellm"]
AT = "http://127.0.0.1:8317/v1"


def models(params: str, rest: str = "") -> str:
    """Return a config with one model in line 3."""
    return f"litellm_base:\n  model_list:\n    - {{model_name: m, litellm_params: {{{params}}}}}\n{rest}"


@pytest.mark.parametrize(
    "params",
    [
        "model: openai/gpt-5, api_key: os.environ/OPENAI_API_KEY",
        "model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY",
        "model: gemini/gemini-2.5-pro, api_key: os.environ/GEMINI_API_KEY",
        "model: openrouter/x/y, api_key: os.environ/OPENROUTER_API_KEY",
        "model: ollama_chat/llama3, api_base: http://127.0.0.1:11434",
        "model: hosted_vllm/q, api_base: http://127.0.0.1:8000/v1",
        "model: openai/q, api_base: http://10.1.2.3:8317/v1",
        "model: openai/q, api_base: http://127.0.0.1:83170/v1",
        "model: openai/q, api_base: http://example.org/8317",
        "model: openai/q, api_base: os.environ/BASE",
        "model: openai/q, api_base: 8317",
    ],
)
def test_without_the_section_litellm_runs_alone_and_nothing_needs_saying(reads: Reads, params: str) -> None:
    config = reads(models(params))
    assert (list(config.services), config.implied, config.notes) == (ALONE, None, ())


@pytest.mark.parametrize(
    "params, why",
    [
        (f"model: openai/a, api_base: {AT}", f"model 'm' ({AT})"),
        ("model: openai/a, api_base: http://localhost:8317", "model 'm' (http://localhost:8317)"),
        ("model: openai/a, api_base: http://127.0.0.1:8317/", "model 'm' (http://127.0.0.1:8317/)"),
        ("model: openai/a, api_key: os.environ/UPSTREAM_API_KEY", "model 'm' (os.environ/UPSTREAM_API_KEY)"),
    ],
)
def test_a_model_that_uses_it_implies_the_section_and_a_note_says_so(reads: Reads, params: str, why: str) -> None:
    config = reads(models(params))
    assert (list(config.services), config.services["cliproxyapi_plus"].port) == (BOTH, 8317)
    assert config.implied == (why, f"{FILE}:3", 0)
    assert config.notes[0].startswith(f"{FILE}:3: services.cliproxyapi_plus is not in the config, but {why} uses it")


@pytest.mark.parametrize(
    "text, line",
    [
        ("\nauth: {providers: {codex: {method: oauth_poll}}}\n", 2),
        ("oauth: {codex: {method: device}}\n", 1),
        ("bootstrap: {repo: a/b}\n", 1),
        ("services: {litellm: {depends_on: [cliproxyapi_plus]}}\n", 1),
        (
            f"profiles: {{p: {{model_list: [{{model_name: m, litellm_params: {{model: o/a, api_base: '{AT}'}}}}]}}}}\n",
            1,
        ),
    ],
)
def test_other_settings_imply_it_too(reads: Reads, text: str, line: int) -> None:
    config = reads(text)
    assert list(config.services) == BOTH
    assert config.implied is not None
    assert config.implied.place == f"{FILE}:{line}"


def test_all_settings_that_use_it_are_counted(reads: Reads) -> None:
    config = reads(
        models(f"model: openai/a, api_base: {AT}", "auth: {providers: {codex: {}}}\nbootstrap: {repo: a/b}\n")
    )
    assert config.implied is not None
    assert (config.implied.more, "so do 2 more settings" in config.notes[0]) == (2, True)


@pytest.mark.parametrize("text", ["auth: {}\n", "auth: {providers: {}}\n", "bootstrap:\n", "services: {}\n"])
def test_empty_sections_imply_nothing(reads: Reads, text: str) -> None:
    config = reads(text)
    assert (list(config.services), config.notes) == (ALONE, ())


@pytest.mark.parametrize("name", ["cliproxyapi_plus", "cliproxyapi"])
@pytest.mark.parametrize("value", ["", "{}", "{port: 9000}"])
def test_a_written_section_counts_whatever_is_in_it(reads: Reads, name: str, value: str) -> None:
    config = reads(f"services:\n  {name}: {value}\n")
    assert (list(config.services), config.implied) == (BOTH, None)


def test_an_included_model_implies_it_at_its_own_line() -> None:
    text = "litellm_base: {include: [m.yaml]}\nprofiles: {p: {}}\n"
    more = f"model_list:\n- model_name: m\n  litellm_params: {{model: openai/a, api_base: '{AT}'}}\n"
    config = read(text, FILE, read_file=lambda path: more)
    assert config.implied is not None
    assert config.implied.place == f"{FILE.parent / 'm.yaml'}:3"


def test_litellm_alone_may_use_any_port(reads: Reads) -> None:
    assert reads("services: {litellm: {port: 8317}}\n").services["litellm"].port == 8317

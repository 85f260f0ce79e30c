"""Complete what LiteLLM does not know about models of OpenAI-compatible servers; it would refuse what they accept.

Source: LiteLLM 1.108.7. For `openai/NAME` its Responses API, over which it also answers `/v1/messages`, refuses
`reasoning.effort` with 400 unless the price list or `model_info` says `supports_reasoning`
(llms/openai/responses/transformation.py); for Claude Code and Codex alone it drops the effort in silence. It counts
tokens by asking the server for `/responses/input_tokens`, which CLIProxyAPIPlus 6.8 and 7.2 and most other servers do
not have, and passes their 404 on; with `model_info.token_count_framing` it estimates the count itself instead
(proxy/common_utils/token_count_settings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import urlsplit

from flowgate.domain import Deployment, LiteLLMSettings

OPENAI = "openai/"
VENDOR = "api.openai.com"
REASONING, FRAMING, DROP = "supports_reasoning", "token_count_framing", "drop_params"


def complete(
    settings: LiteLLMSettings, serves: Callable[[Deployment], bool], has_model: Callable[[str], bool]
) -> list[str]:
    """Add what is missing to `model_info`; what the user has written there stays.

    Args:
        settings: LiteLLM's settings; changed in place.
        serves: Returns whether a deployment goes through CLIProxyAPIPlus, which leaves out what a vendor cannot do.
        has_model: Returns whether LiteLLM's price list has a model.

    Returns:
        What was added, one sentence each.
    """
    counted, reasoning = [], []
    for entry in settings.get("model_list", ()):
        if not _has_own_server(entry):
            continue
        if _added(entry, FRAMING, 0):
            counted.append(entry["model_name"])
        passes_reasoning = serves(entry) and _is_unlisted(entry, has_model) and not _drops(settings, entry)
        if passes_reasoning and _added(entry, REASONING, True):
            reasoning.append(entry["model_name"])
    return [*_sentence(FRAMING, "0", counted, COUNTING), *_sentence(REASONING, "true", reasoning, THINKING)]


COUNTING = "LiteLLM estimates the tokens for count_tokens where the server cannot count them"
THINKING = "LiteLLM would refuse reasoning and thinking of models that its price list does not have"


def refused(
    settings: LiteLLMSettings, serves: Callable[[Deployment], bool], has_model: Callable[[str], bool]
) -> list[str]:
    """Name the models of other servers whose reasoning LiteLLM refuses, because nothing says whether they can reason.

    Args:
        settings: LiteLLM's settings.
        serves: Returns whether a deployment goes through CLIProxyAPIPlus.
        has_model: Returns whether LiteLLM's price list has a model.
    """
    found = [
        entry["model_name"]
        for entry in settings.get("model_list", ())
        if _has_own_server(entry) and not serves(entry) and _is_unlisted(entry, has_model)
        if REASONING not in _info(entry) and not _drops(settings, entry)
    ]
    if not found:
        return []
    names = ", ".join(dict.fromkeys(found))
    return [
        f"LiteLLM answers 400 to reasoning or thinking for {names}, which its price list does not have; "
        f"write `model_info: {{{REASONING}: true}}` to pass it on, or `litellm_params: {{{DROP}: true}}` to drop it"
    ]


def _has_own_server(entry: Deployment) -> bool:
    params = entry["litellm_params"]
    base = str(params.get("api_base") or "")
    return str(params.get("model")).startswith(OPENAI) and bool(base) and urlsplit(base).hostname != VENDOR


def _is_unlisted(entry: Deployment, has_model: Callable[[str], bool]) -> bool:
    """Return whether the price list lacks the model; nothing is known about a pattern."""
    name = str(entry["litellm_params"]["model"]).removeprefix(OPENAI)
    return "*" not in name and not has_model(name) and not has_model(OPENAI + name)


def _drops(settings: LiteLLMSettings, entry: Deployment) -> bool:
    """Return whether the profile leaves out what a model cannot do."""
    own: Mapping[str, object] = cast("Mapping[str, object]", entry["litellm_params"])
    return bool(own.get(DROP, (settings.get("litellm_settings") or {}).get(DROP)))


def _info(entry: Deployment) -> dict[str, object]:
    return cast("dict[str, object]", entry.get("model_info") or {})


def _added(entry: Deployment, key: str, value: object) -> bool:
    """Add a value to `model_info`, unless the user set it; return whether it was added."""
    found = _info(entry)
    if key in found:
        return False
    cast("dict[str, object]", entry)["model_info"] = {**found, key: value}
    return True


def _sentence(key: str, value: str, names: list[str], why: str) -> list[str]:
    return [f"model_info.{key}: {value} is added for {', '.join(dict.fromkeys(names))}: {why}"] if names else []

"""Values of the right kind with which nothing can work: addresses, models, the gateway's key, callbacks, modes.

Source: LiteLLM 1.106.2: the OpenAI client adds `/chat/completions` to `api_base`; a callback that is no name of
LiteLLM's own, in a list of success or failure callbacks, is kept and never called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from urllib.parse import urlsplit

from flowgate.config.overlay import overlay
from flowgate.domain import Config, LiteLLMSettings
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import mistyped_references, own_modules
from flowgate.gateway.capabilities import MODES
from flowgate.gateway.litellm_declarations import Declarations
from flowgate.gateway.setting_values import PREFIX, ReadSettings

SCHEMES = ("http", "https", "ws", "wss")
ENDPOINTS = ("/chat/completions", "/completions", "/embeddings", "/responses", "/messages")
FURTHER_MODES = ("decisions", "evaluation", "search", "vector_store", "guardrail")
CLOSE = 0.7
NO_KEYS = ("null", "none", "nil", "undefined", "false", "true", "~")
OWN_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}", re.ASCII)  # of a callback
KEY = "general_settings.master_key"


def faults(config: Config, profile: str, read: ReadSettings, declared: Declarations) -> Iterator[FlowGateError]:
    """Find values of the base's deployments, of a profile's and of its sections with which nothing can work.

    Args:
        config: The config.
        profile: The profile's name.
        read: The settings, with resolved references.
        declared: What LiteLLM declares.
    """
    for root, tree in (("litellm_base", read.base), (f"profiles.{profile}", read.profile)):
        ids: dict[str, str] = {}
        for index, entry in enumerate(tree.get("model_list", ())):
            path = f"{root}.model_list.{index}"
            params: Mapping[str, object] = {**entry["litellm_params"]}
            yield from _address(config, f"{path}.litellm_params", params)
            yield from _model(config, f"{path}.litellm_params.model", str(params["model"]), declared)
            info: Mapping[str, object] = {**(entry.get("model_info") or {})}
            yield from _mode(config, f"{path}.model_info.mode", info.get("mode"))
            yield from _id(config, f"{path}.model_info.id", str(info.get("id") or ""), ids)
    merged = overlay(read.base, read.profile)
    yield from _key(config, profile, merged)
    yield from _callbacks(config, profile, merged, declared)
    yield from _guardrails(config, merged, declared)


def _address(config: Config, path: str, params: Mapping[str, object]) -> Iterator[FlowGateError]:
    for name in ("api_base", "base_url"):
        text = params.get(name)
        if not isinstance(text, str) or not text or text.startswith(PREFIX):
            continue
        place = config.place(f"{path}.{name}")
        if problem := _problem(text):
            fix = "write http://HOST:PORT/v1 or https://HOST/v1"
            yield UsageError(f"'{path}.{name}' {problem}", place=place, fix=fix)
            continue
        ending = next((end for end in ENDPOINTS if urlsplit(text).path.rstrip("/").endswith(end)), "")
        if ending and str(params["model"]).startswith("openai/"):
            what = f"'{path}.{name}' ends with {ending}, which LiteLLM adds to it"
            yield UsageError(what, place=place, fix=f"leave {ending} out")


def _problem(text: str) -> str:
    """Say why a text is no address; empty if it is one."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "is no address: its host or its port cannot be read"
    if "://" not in text or not parts.netloc:
        return "is no address: it must begin with http:// or https://"
    if parts.scheme not in SCHEMES:
        return f"is no address of HTTP: it begins with {parts.scheme}://"
    if port == 0 or not parts.hostname or any(one.isspace() for one in text):
        return "is no address: its host or its port cannot be used"
    return ""


def _model(config: Config, path: str, model: str, declared: Declarations) -> Iterator[FlowGateError]:
    provider, _, name = model.partition("/")
    if provider not in declared.providers or model.startswith(PREFIX):
        return
    if not name.strip() or name != name.strip():
        what = f"'{path}' names the provider {provider} and no model" if not name.strip() else f"'{path}' has a blank"
        fix = f"write {provider}/{name.strip() or 'MODEL'}"
        yield UsageError(what, place=config.place(path), fix=fix)


def _mode(config: Config, path: str, mode: object) -> Iterator[FlowGateError]:
    known = (*MODES, *FURTHER_MODES)
    near = get_close_matches(mode.lower(), known, n=1, cutoff=CLOSE) if isinstance(mode, str) else []
    if near and mode not in known:
        what = f"LiteLLM has no mode '{mode}' of a model"
        yield UsageError(what, place=config.place(path), fix=f"did you mean '{near[0]}'?")


def _id(config: Config, path: str, own: str, seen: dict[str, str]) -> Iterator[FlowGateError]:
    if own and own in seen:
        what = f"two deployments have the id '{own}'; LiteLLM keeps one of them"
        yield UsageError(what, place=config.place(path), fix="give each deployment an id of its own, or none")
    seen[own] = path


def _key(config: Config, profile: str, settings: LiteLLMSettings) -> Iterator[FlowGateError]:
    general = settings.get("general_settings") or {}
    key = general.get("master_key")
    if not isinstance(key, str) or key.startswith(PREFIX) or mistyped_references.meant("master_key", key) is not None:
        return
    problem = ""
    if not key.strip():
        problem = "is empty: LiteLLM would have no key"
    elif key.lower() in NO_KEYS:
        problem = "is a word for 'no value', and LiteLLM would take it as the key"
    elif not key.isascii() or not key.isprintable() or " " in key:
        problem = "has characters that no HTTP header carries as they are"
    if problem:
        own = f"profiles.{profile}.{KEY}"
        place = config.place(own if own in config.places else f"litellm_base.{KEY}")
        yield UsageError(f"{KEY} {problem}", place=place, fix="remove it: FlowGate makes a key of its own")


def _callbacks(
    config: Config, profile: str, settings: LiteLLMSettings, declared: Declarations
) -> Iterator[FlowGateError]:
    library: Mapping[str, object] = {**(settings.get("litellm_settings") or {})}
    for name in own_modules.CALLBACKS:
        listed = library.get(name)
        words = (listed if isinstance(listed, list) else [listed]) if declared.callbacks else []
        for word in (one for one in words if isinstance(one, str) and "." not in one):
            if word in declared.callbacks or (OWN_NAME.fullmatch(word) and declared.is_used(word)):
                continue
            path = f"profiles.{profile}.litellm_settings.{name}"
            place = config.place(path if path in config.places else f"litellm_base.litellm_settings.{name}")
            near = get_close_matches(word.lower(), declared.callbacks, n=1, cutoff=CLOSE)
            what = f"LiteLLM {declared.version} has no callback '{word}' ({name})"
            fix = f"did you mean '{near[0]}'?" if near else "write module.object for a callback of your own"
            yield UsageError(what, place=place, fix=fix)


def _guardrails(config: Config, settings: LiteLLMSettings, declared: Declarations) -> Iterator[FlowGateError]:
    listed: object = {**settings}.get("guardrails")
    for index, entry in enumerate(listed if isinstance(listed, list) and declared.callbacks else []):
        params = entry.get("litellm_params") if isinstance(entry, dict) else None
        name = params.get("guardrail") if isinstance(params, dict) else None
        if not isinstance(name, str) or "." in name or name.startswith(PREFIX) or declared.is_used(name):
            continue
        place = config.place(f"litellm_base.guardrails.{index}.litellm_params.guardrail")
        what = f"LiteLLM {declared.version} has no guardrail '{name}'"
        yield UsageError(what, place=place, fix="write the name of one of its own, or module.Class for one of yours")

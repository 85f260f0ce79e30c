"""Values of LiteLLM's settings: each is compared with its declared kind, and references are resolved before.

LiteLLM replaces `os.environ/NAME` by the variable's text, and its router does not convert texts to numbers:
`cooldown_time: os.environ/NAP` puts no model into cooldown. So numbers, switches, names of models and addresses are
resolved here, and LiteLLM gets their values; keys and other texts stay references.

Source: `_check_for_os_environ_vars` and `get_secret` of LiteLLM 1.106.2; its router, measured in-process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from flowgate.config.overlay import overlay
from flowgate.domain import Config, LiteLLMSettings, Secret
from flowgate.domain.secret_names import HiddenValue, is_secret_name
from flowgate.errors import FlowGateError, InvalidValue, UsageError
from flowgate.gateway.litellm_declarations import Declarations, Kinds
from flowgate.gateway.setting_placement import FALLBACKS, MOVED
from flowgate.gateway.value_kinds import Kind, judge
from flowgate.gateway.value_limits import ZERO_COOLDOWN

PREFIX = "os.environ/"
HUGE = 10**18
TEXT = Kind(frozenset({"str"}))
NAMES = ("model_name", "model", "api_base", "base_url", "custom_llm_provider", "model_group_alias")  # texts we judge by
POLICIES = {"retry_policy": "retry_policy", "allowed_fails_policy": "fails_policy"}


class ReadSettings(NamedTuple):
    """The base and a profile with resolved references, what was changed, and the errors."""

    base: LiteLLMSettings
    profile: LiteLLMSettings
    changes: list[str]
    faults: list[FlowGateError]


class _Shown:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


@dataclass(slots=True)
class _Reader:
    config: Config
    declared: Declarations
    variables: Mapping[str, Secret]
    changes: list[str] = field(default_factory=list)
    faults: list[FlowGateError] = field(default_factory=list)
    resolved: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def tree(self, root: str, settings: LiteLLMSettings) -> LiteLLMSettings:
        made = cast("dict[str, object]", overlay(settings, {}))
        declared = self.declared
        moved = {old: declared.router.get(new) for old, (new, _) in MOVED.items()}
        sections: dict[str, Kinds] = {
            "router_settings": declared.router,
            "litellm_settings": {**_not_validated(declared.library), **moved},
            "general_settings": _not_validated(declared.general),
        }
        for name, value in made.items():
            path = f"{root}.{name}"
            if name == "model_list" and isinstance(value, list):
                made[name] = [self.deployment(f"{path}.{index}", one) for index, one in enumerate(value)]
            elif name in sections and isinstance(value, dict):
                made[name] = self.section(path, value, sections[name])
            else:
                self.sizes(path, value)
        return cast("LiteLLMSettings", made)

    def deployment(self, path: str, entry: object) -> object:
        if not isinstance(entry, dict):
            return entry
        made = dict(entry)
        made["model_name"] = self.value(path, "model_name", entry.get("model_name"), TEXT)
        if isinstance(params := entry.get("litellm_params"), dict):
            made["litellm_params"] = self.mapping(f"{path}.litellm_params", params, self.declared.params)
        if isinstance(info := entry.get("model_info"), dict):
            made["model_info"] = self.mapping(f"{path}.model_info", info, self.declared.info)
        return made

    def section(self, path: str, settings: Mapping[str, object], kinds: Kinds) -> dict[str, object]:
        made = self.mapping(path, settings, kinds)
        for name, value in made.items():
            below = f"{path}.{name}"
            if name in POLICIES and isinstance(value, dict):
                made[name] = self.mapping(below, value, self.policy(POLICIES[name]))
            elif name == "model_group_retry_policy" and isinstance(value, dict):
                policies = value.items()
                made[name] = {
                    group: self.mapping(f"{below}.{group}", one, self.policy("retry_policy"))
                    if isinstance(one, dict)
                    else one
                    for group, one in policies
                }
            elif name == "model_group_alias" and isinstance(value, dict):
                made[name] = {alias: self.alias(f"{below}.{alias}", one) for alias, one in value.items()}
            elif name in ("default_litellm_params", "cache_params") and isinstance(value, dict):
                of = self.declared.cache if name == "cache_params" else self.declared.params
                made[name] = self.mapping(below, value, of)
            elif name in FALLBACKS and isinstance(value, list):
                self.items(below, value)
        return made

    def policy(self, name: str) -> Kinds:
        return self.declared.retry_policy if name == "retry_policy" else self.declared.fails_policy

    def alias(self, path: str, target: object) -> object:
        if isinstance(target, dict):
            return {key: self.value(path, key, one, TEXT if key == "model" else None) for key, one in target.items()}
        return self.value(path.rpartition(".")[0], "model_group_alias", target, TEXT, at=path)

    def items(self, path: str, value: object) -> None:
        """Refuse a reference that LiteLLM does not resolve: it is an item of a list of strings."""
        if isinstance(value, str) and value.startswith(PREFIX):
            what = f"'{path}' is a reference, and LiteLLM {self.declared.version} resolves none in a list of models"
            self.faults.append(UsageError(what, place=self.config.place(path), fix="write the model's name"))
        for key, one in entries(value):
            self.items(f"{path}.{key}", one)

    def mapping(self, path: str, settings: Mapping[str, object], kinds: Kinds) -> dict[str, object]:
        return {name: self.value(path, name, value, kinds.get(name)) for name, value in settings.items()}

    def value(self, parent: str, name: str, value: object, kind: Kind | None, at: str = "") -> object:
        """Return the value that LiteLLM should get; record an error if it is of a wrong kind."""
        path = at or f"{parent}.{name}"
        reference = value if isinstance(value, str) and value.startswith(PREFIX) else ""
        if reference:
            return self.referenced(path, name, reference, kind)
        if kind is None:
            self.sizes(path, value)
            return value
        judged = judge(kind, name, value, in_router=_is_router(path))
        if judged.wanted:
            self.wrong(path, name, value, judged.wanted, judged.fix)
        elif judged.value is not value:
            what = f"'{value}'" if isinstance(value, str) else f"{value}"
            self.changes.append(f"{_short(path)}: {what} → {_yaml(judged.value)}: {judged.why}")
        if kind.element and not judged.wanted:
            return self.elements(path, name, judged.value, kind.element)
        return judged.value

    def elements(self, path: str, name: str, value: object, kind: Kind) -> object:
        if isinstance(value, dict):
            return {key: self.value("", name, one, kind, at=f"{path}.{key}") for key, one in value.items()}
        if isinstance(value, list):
            return [self.value("", name, one, kind, at=f"{path}.{index}") for index, one in enumerate(value)]
        return value

    def referenced(self, path: str, name: str, reference: str, kind: Kind | None) -> object:
        """Return the value of a variable if FlowGate judges by it or LiteLLM would keep a text; else the reference."""
        variable = reference.removeprefix(PREFIX)
        secret = self.variables.get(variable)
        judged_by = kind is not None and (kind.is_number or "bool" in kind.types or bool(kind.words))
        if secret is None or is_secret_name(name) or not (judged_by or name in NAMES):
            return reference
        text = secret.reveal()
        if kind is None or not judged_by:
            if _has_user(text):
                return reference
            self.resolved.setdefault((variable, text), []).append(_short(path))
            return text
        judged = judge(kind, name, text, in_router=_is_router(path))
        if judged.wanted:
            what = f"the variable {variable} must be {judged.wanted} for '{path}' (LiteLLM {self.declared.version})"
            word = judged.fix.removeprefix("write ")
            fix = f"export {variable}={'…' if ' ' in word or not word else word}"
            self.faults.append(UsageError(what, place=self.config.place(path), fix=fix))
            return reference
        shown = _yaml(judged.value) + (f" ({text} is set: {judged.why})" if judged.why == ZERO_COOLDOWN else "")
        self.resolved.setdefault((variable, shown), []).append(_short(path))
        return judged.value

    def wrong(self, path: str, name: str, value: object, wanted: str, fix: str) -> None:
        found: object = HiddenValue() if is_secret_name(name) else value
        if isinstance(value, int) and abs(value) > HUGE:
            found = _Shown("a number of more than 18 digits")
        wanted += f" (LiteLLM {self.declared.version})"
        self.faults.append(InvalidValue(path, found=found, wanted=wanted, at=self.config.place(path), fix=fix))

    def sizes(self, path: str, value: object) -> None:
        """Refuse whole numbers that no program can take, wherever they are."""
        if isinstance(value, int) and abs(value) > HUGE:
            self.wrong(path, path.rpartition(".")[2], value, "a number of at most 18 digits", "")
        for key, one in entries(value):
            self.sizes(f"{path}.{key}", one)


def read(config: Config, profile: str, declared: Declarations, variables: Mapping[str, Secret]) -> ReadSettings:
    """Compare the values of the base and a profile with their kinds, and resolve references.

    Args:
        config: The config.
        profile: The profile's name.
        declared: What LiteLLM declares.
        variables: The variables that LiteLLM gets; one that is not set is absent.
    """
    reader = _Reader(config, declared, variables)
    base = reader.tree("litellm_base", config.litellm_base)
    own = reader.tree(f"profiles.{profile}", config.profiles[profile])
    lines = [
        f"os.environ/{name} is {value}, read when the profile is compiled: {', '.join(dict.fromkeys(paths))}"
        for (name, value), paths in reader.resolved.items()
    ]
    return ReadSettings(base, own, [*lines, *dict.fromkeys(reader.changes)], reader.faults)


def entries(value: object) -> Iterator[tuple[object, object]]:
    """Yield the keys and values of a mapping or a list; nothing for other values."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _not_validated(kinds: Kinds) -> Kinds:
    """Return the kinds of settings that LiteLLM uses as they are: a fraction works where it declares a whole number."""
    wider = {"int": "float", "dict": "list"}
    return {
        name: kind and replace(kind, types=kind.types | {wider[one] for one in kind.types if one in wider})
        for name, kind in kinds.items()
    }


def _is_router(path: str) -> bool:
    return ".litellm_params." not in path and ".default_litellm_params." not in path


def _has_user(text: str) -> bool:
    try:
        return "@" in urlsplit(text).netloc
    except ValueError:
        return True


def _short(path: str) -> str:
    """Return a path without `litellm_base` or the profile."""
    parts = path.split(".")
    return ".".join(parts[1:] if parts[0] == "litellm_base" else parts[2:])


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"

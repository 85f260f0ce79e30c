"""Secrets that this command knows, masked by their value in everything that it prints or writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path

from flowgate.domain import Config, Play, Variables
from flowgate.domain.secret_names import HIDDEN, REFERENCE, is_secret_name, literal_secrets
from flowgate.errors import FlowGateError
from flowgate.gateway import cliproxy, mistyped_references, upstream_settings
from flowgate.gateway.environment import KEY_FILES, file_name
from flowgate.system import files

SHORTEST = 8  # a shorter value stands in too many other words
PLACEHOLDERS = {"placeholder", "not-needed", "anything", "os.environ", "no-key-needed", "undefined"}


def masker(values: Iterable[str]) -> Callable[[str], str]:
    """Return a function that masks values in a text.

    Args:
        values: The secrets; short ones, usual placeholders and mistyped references are left alone.
    """
    known = {value.strip() for value in values if mistyped_references.meant("api_key", value) is None}
    chosen = sorted(filter(_is_masked, known), key=len, reverse=True)
    if not chosen:
        return str
    pattern = re.compile("|".join(map(re.escape, chosen)))
    return lambda text: pattern.sub(HIDDEN, text)


def _is_masked(value: str) -> bool:
    return len(value) >= SHORTEST and value not in PLACEHOLDERS and not value.startswith(REFERENCE)


def known_secrets(config: Config, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield every secret that the config, its files and the variables of this command contain.

    Args:
        config: The config.
        environment: The command's own environment variables.
    """
    env = [service.env for service in config.services.values()]
    yield from literal_secrets([dict(config.litellm_base), dict(config.profiles), env, dict(config.vars)])
    for service in config.services.values():
        for flag, following in pairwise((*service.args, "")):
            name, equals, value = flag.lstrip("-").partition("=")
            if flag.startswith("-") and is_secret_name(name):
                yield value if equals else following
    for reference in config.references:
        if is_secret_name(reference.path.rpartition(".")[2]) or is_secret_name(reference.name.lower()):
            yield environment.get(reference.name, "")
    for name, file in KEY_FILES.items():
        yield environment.get(name, "")
        yield _read(config.paths.runtime_dir.parent / "secrets" / file)
    if config.remote:
        for name in filter(None, (config.remote.key, config.remote.management_key)):
            yield _read(config.paths.runtime_dir.parent / "secrets" / file_name(name))
    own = cliproxy.user_config(config)
    if own:
        yield from literal_secrets(upstream_settings.as_written(_read(own)))


def playbook_secrets(plays: Iterable[Play], variables: Variables) -> Iterator[str]:
    """Yield every secret that a playbook and the variables of a run contain; what is computed later is not known.

    Args:
        plays: The parsed playbook.
        variables: Typed variables.
    """
    found = literal_secrets([*map(_plain, plays), dict(variables)])
    return (value for value in found if "{{" not in value and "{%" not in value)


def _plain(value: object) -> object:
    """Return dataclasses as mappings; the places of keys are left out."""
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value) if one.name != "marks"}
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _read(path: Path) -> str:
    try:
        return files.read_text_or_none(path) or ""
    except FlowGateError:
        return ""

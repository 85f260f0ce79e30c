"""Keys that are a mistyped `os.environ/NAME`, or the name of a variable: LiteLLM would send them as they are.

Source: LiteLLM 1.106.2 resolves a string only if it begins with exactly `os.environ/`; `master_key: os.env/X` makes
`os.env/X` the key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from flowgate.domain import Config
from flowgate.domain.secret_names import is_secret_name, is_variable_name
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway.setting_values import PREFIX, entries

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# The prefix of LiteLLM in other spellings, and how other programs and languages write a reference.
OF_PROGRAMS = rf"""\s*[./:\\\[|(]+\s* ["'“”/\[]* \s* (?P<name>{NAME})? [\s)"'“”\]/]*"""
PREFIX_LIKE = re.compile(
    rf"""(?xi) \s*(?: os[./_]?env(?:iron(?:ment|s)?)? | os[./_]environ\.get | (?:os\.)?getenv | process\.env )
    {OF_PROGRAMS}"""
)
ENV_LIKE = re.compile(rf"(?xi) \s* env(?:iron(?:ment)?)? {OF_PROGRAMS}")
MISSPELT = re.compile(rf"\s*(?P<head>[A-Za-z._]{{4,16}})\s*[/:\\.]+\s*(?P<name>{NAME})\s*")
SHELL_LIKE = re.compile(
    rf"""(?x) ^\s* (?: \$(?:env:)?(?P<bare>[A-Z][A-Z0-9_]*) | \$[{{(](?:env[:.])?(?P<shell>{NAME})(?::?-[^}}]*)?[)}}]
    | %(?P<windows>[A-Z][A-Z0-9_]*)% | <(?P<angle>[A-Z][A-Z0-9_]*)>
    | \{{\{{\s*(?:env\.|\$)?(?P<template>{NAME})\s*\}}\}}
    ) \s*$"""
)
# How other programs refer to a secret that is kept elsewhere.
ELSEWHERE = re.compile(r"\s*(?:\$\(.*\)|`.*`|(?:op|vault|file|keyring|sops|secret|aws-?sm|gcp-?sm|ref\+\w+):/*\S+)\s*")
NAMES_OF_KEYS = "key_management_settings"  # there, names of keys are meant
IDS = ("aws_access_key_id", "s3_access_key_id")  # half of a secret
ADDRESSES = ("api_base", "base_url", "database_url", "redis_url")


def faults(config: Config, profile: str, variables: Collection[str] = ()) -> Iterator[FlowGateError]:
    """Find values of the base, a profile and the services' variables that are mistyped references.

    Args:
        config: The config.
        profile: The profile's name.
        variables: Names of variables that are set.
    """
    roots: dict[str, object] = {"litellm_base": config.litellm_base, f"profiles.{profile}": config.profiles[profile]}
    roots |= {f"services.{name}.env": service.env for name, service in config.services.items()}
    for root, tree in roots.items():
        for path, key, text in _texts(root, "", tree):
            name = meant(key, text, variables)
            if name is not None:
                yield _fault(config, path, text, name)


def meant(key: str, text: str, variables: Collection[str] = ()) -> str | None:
    """Return the variable that a value seems to mean; empty if it names none, None if it is no reference.

    Args:
        key: The name of the setting.
        text: Its value.
        variables: Names of variables that are set.
    """
    if text.startswith(PREFIX):
        return None
    is_key = is_secret_name(key) or key in IDS
    if found := PREFIX_LIKE.fullmatch(text):
        return found["name"] or ""
    if is_key or key in ADDRESSES:
        if found := ENV_LIKE.fullmatch(text):
            return found["name"] or ""
        if found := SHELL_LIKE.fullmatch(text):
            return next(name for name in found.groupdict().values() if name)
        if is_key and ELSEWHERE.fullmatch(text):
            return ""
        found = MISSPELT.fullmatch(text)
        if found and get_close_matches(found["head"].lower(), ["os.environ"], cutoff=0.75):
            return found["name"]
    is_name = text in variables or is_variable_name(text.strip())
    return text.strip() if is_key and is_name else None


def _fault(config: Config, path: str, text: str, name: str) -> UsageError:
    is_name = text.strip() == name
    what = f"'{path}' is {'the name of a variable' if is_name else 'a mistyped reference'}"
    what += ": it would be taken as the value itself"
    return UsageError(what, place=config.place(path), fix=f"write {PREFIX}{name or 'NAME'}")


def _texts(path: str, key: str, value: object) -> Iterator[tuple[str, str, str]]:
    """Yield path, name and text of every string; the name of an item is that of its list."""
    if isinstance(value, str):
        yield path, key, value
    for name, one in entries(value):
        if name == NAMES_OF_KEYS:
            continue
        yield from _texts(f"{path}.{name}", str(name) if isinstance(value, Mapping) else key, one)

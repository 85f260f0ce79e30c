"""The names of models of all profiles, and patterns among them."""

from __future__ import annotations

import re
from collections.abc import Collection

from flowgate.config.overlay import overlay
from flowgate.domain import Config
from flowgate.gateway import name_settings, request_rules
from flowgate.gateway.setting_placement import move_to_router


def known_names(config: Config) -> frozenset[str] | None:
    """Return the names for which clients may ask under some profile; None if they are not all known.

    Args:
        config: The config.
    """
    found: set[str] = set()
    for profile in config.profiles.values():
        settings = overlay(move_to_router(config.litellm_base)[0], move_to_router(profile)[0])
        name_settings.complete(settings, [])
        rules = request_rules.compute(config, settings)
        if rules.any_model or rules.patterns:
            return None
        found.update(rules.models, rules.further_models)
    return frozenset(found)


def matches_any(pattern: str, names: Collection[str]) -> bool:
    """Return whether a pattern stands for one of some names.

    Args:
        pattern: A name, in which `*` stands for any text.
        names: The names.
    """
    expression = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    return any(expression.fullmatch(name) for name in names)

"""Whether LiteLLM stores credentials: it does with a database, and encrypts them with its salt key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowgate.domain import Config
from flowgate.gateway import litellm, litellm_runner

SETTING = "database_url"
# Each makes LiteLLM use a database, or hands it a salt key of its own; without one, the salt key is the master key.
# Source: litellm/proxy/proxy_cli.py and proxy/common_utils/encrypt_decrypt_utils.py, 1.108.7.
VARIABLES = ("DATABASE_URL", "DIRECT_URL", "DATABASE_HOST", "LITELLM_SALT_KEY")


def signs(config: Config) -> Iterator[str]:
    """Yield what in a config gives LiteLLM a database or a salt key, each with its place; nothing if it has neither.

    What FlowGate starts gets no variable that the config does not name. A LiteLLM that FlowGate's runner does not start
    may have a database of which the config says nothing.

    Args:
        config: The config.
    """
    service = f"services.{litellm.NAME}"
    if not litellm_runner.uses_runner(config):
        yield f"{config.place(f'{service}.command.args')}: a program of its own starts LiteLLM"
    own = config.services[litellm.NAME].env
    yield from (f"{config.place(f'{service}.env.{name}')}: {name}" for name in VARIABLES if own.get(name))
    trees = {"litellm_base": config.litellm_base, **{f"profiles.{one}": tree for one, tree in config.profiles.items()}}
    for at, tree in trees.items():
        if _mapping(tree, "general_settings").get(SETTING):
            yield f"{config.place(f'{at}.general_settings.{SETTING}')}: {SETTING}"
        found = _mapping(tree, "environment_variables")
        yield from (
            f"{config.place(f'{at}.environment_variables.{name}')}: {name}" for name in VARIABLES if found.get(name)
        )
    for one in config.references:
        if one.name in VARIABLES and not one.path.endswith((SETTING, *VARIABLES)):
            yield f"{one.place}: {one.name}"


def _mapping(tree: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = tree.get(key)
    return found if isinstance(found, Mapping) else {}

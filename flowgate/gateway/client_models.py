"""The models that a client program is given: one for the main work, one for background work, and all that it may ask.

Pure. Programs ask for models by names of their own; where the config's `model_names` says what these lead to, the
program gets the same models.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowgate.domain import Stack
from flowgate.domain.request_rules import RequestRules
from flowgate.gateway import capabilities
from flowgate.request_filter.client_names import ClientNames

LITELLM = "litellm"
MAIN = ("claude-opus-4-8", "gpt-5-codex", "gpt-5", "gemini-3-pro")  # names that programs ask for their main work
SMALL = ("claude-haiku-4-5", "gpt-5-mini", "gpt-5-codex-mini", "gemini-3.5-flash-lite")  # … for background work


@dataclass(frozen=True, slots=True)
class ClientModels:
    """What a client is given.

    Attributes:
        model: The model for the main work; empty if the profile has none that can be asked by its name.
        small_model: The model for background work.
        models: All names that it may ask for and that stand for themselves, first the model for the main work.
    """

    model: str
    small_model: str
    models: tuple[str, ...]


def of_stack(stack: Stack) -> ClientModels:
    """Choose the models for the clients of a profile.

    Args:
        stack: The profile's stack.
    """
    return choose(stack.services[LITELLM].program.request_rules, stack.listed)


def choose(rules: RequestRules, listed: tuple[str, ...]) -> ClientModels:
    """Choose the models for clients.

    Args:
        rules: The rules of the request filter.
        listed: Names that LiteLLM lists.
    """
    able = [name for name in listed if capabilities.TEXT not in rules.refused.get(name, ())]
    own = [name for name in able if name not in rules.renamed]
    names = ClientNames(rules)

    def led(asked: tuple[str, ...], otherwise: str) -> str:
        found = (model for name in asked if (model := names.model(name)) in own)
        return next((model for model in found if model), otherwise)

    model = led(MAIN, own[0] if own else "")
    return ClientModels(model, led(SMALL, model), tuple(dict.fromkeys([*([model] if model else []), *own])))

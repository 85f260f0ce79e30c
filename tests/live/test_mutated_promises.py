"""Promises of mutated profiles: the real LiteLLM keeps what `profile show` prints of them, or it says "unknown"."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.domain import Config
from flowgate.errors import UsageError
from flowgate.rehearsal.plan import make_plan
from flowgate.rehearsal.profile_run import rehearse_profile
from flowgate.rehearsal.scenarios import SCENARIOS
from tests.live.test_rehearse import EXAMPLE, make_context

pytestmark = [pytest.mark.live, pytest.mark.long]

PROFILES, CHUNK = 30, 5
MOST_SCENARIOS = 3


@dataclass
class Draft:
    """A profile that is being mutated."""

    chosen: random.Random
    router: dict[str, Any]
    models: list[dict[str, Any]]

    def params(self) -> dict[str, Any]:
        """Return the parameters of one deployment."""
        found: dict[str, Any] = self.chosen.choice(self.models)["litellm_params"]
        return found

    def second_deployment(self) -> dict[str, Any]:
        """Add a deployment of the first model; return its parameters."""
        entry = copy.deepcopy(self.models[0])
        entry["litellm_params"]["model"] = "openai/embedded-second"
        self.models.insert(1, entry)
        found: dict[str, Any] = entry["litellm_params"]
        return found


# --- what is changed


def retries(draft: Draft) -> None:
    """Change the number of retries."""
    draft.router["num_retries"] = draft.chosen.choice([0, 1, 2, 3])


def retry_policy(draft: Draft) -> None:
    """Change the retries after some kinds of failures."""
    kinds = ("InternalServerError", "TimeoutError", "RateLimitError", "AuthenticationError", "NotFoundError", "Default")
    draft.router["retry_policy"] = {
        f"{kind}Retries": draft.chosen.choice([0, 1, 2]) for kind in draft.chosen.sample(kinds, 2)
    }


def group_retry_policy(draft: Draft) -> None:
    """Change the retries of one model."""
    name = draft.chosen.choice(["router-default", "router-cheap"])
    draft.router["model_group_retry_policy"] = {name: {"InternalServerErrorRetries": draft.chosen.choice([0, 2, 3])}}


def allowed_fails(draft: Draft) -> None:
    """Change when a cooldown begins."""
    draft.router["allowed_fails"] = draft.chosen.choice([0, 1, 2, 3, 4])


def allowed_fails_policy(draft: Draft) -> None:
    """Change when a cooldown begins after some kinds of failures."""
    kinds = ("InternalServerError", "TimeoutError", "RateLimitError", "AuthenticationError", "NotFoundError")
    draft.router["allowed_fails_policy"] = {
        f"{kind}AllowedFails": draft.chosen.choice([0, 1, 3, 100]) for kind in draft.chosen.sample(kinds, 2)
    }


def cooldown_time(draft: Draft) -> None:
    """Change the length of a cooldown."""
    draft.router["cooldown_time"] = draft.chosen.choice([0, 1, 5, 600])


def timeouts(draft: Draft) -> None:
    """Change time-outs."""
    draft.router["timeout"] = draft.chosen.choice([2, 10, 600])
    draft.router["stream_timeout"] = draft.chosen.choice([2, 5, 60])


def no_timeout(draft: Draft) -> None:
    """Leave out the time-outs."""
    draft.router.pop("timeout", None)
    draft.router.pop("stream_timeout", None)


def no_cooldowns(draft: Draft) -> None:
    """Switch off cooldowns."""
    draft.router["disable_cooldowns"] = True


def fallbacks(draft: Draft) -> None:
    """Change the fallbacks."""
    lists = [[], [{"router-cheap": ["router-default"]}], [{"*": ["router-cheap"]}], [{"router-*": ["router-cheap"]}]]
    draft.router["fallbacks"] = draft.chosen.choice(lists)


def other_fallbacks(draft: Draft) -> None:
    """Add fallbacks of other kinds, or bound their number."""
    more: list[dict[str, Any]] = [
        {"default_fallbacks": ["router-cheap"], "fallbacks": []},
        {"max_fallbacks": 0},
        {"max_fallbacks": 1},
    ]
    more += [{"context_window_fallbacks": [{"router-default": ["router-cheap"]}]}]
    draft.router.update(draft.chosen.choice(more))


def order(draft: Draft) -> None:
    """Add a second deployment, with an order."""
    second = draft.second_deployment()
    draft.models[0]["litellm_params"]["order"] = draft.chosen.choice([1, 3])
    second["order"] = 2


def weight(draft: Draft) -> None:
    """Add a second deployment, with a weight."""
    draft.second_deployment()["weight"] = draft.chosen.choice([1, 100])
    draft.models[0]["litellm_params"]["weight"] = 1


def alias(draft: Draft) -> None:
    """Add aliases."""
    draft.router["model_group_alias"] = {"fast": "router-cheap", "deep": {"model": "router-default", "hidden": True}}


def strategy(draft: Draft) -> None:
    """Change the strategy, with a second deployment."""
    draft.second_deployment()
    names = ["least-busy", "latency-based-routing", "usage-based-routing-v2", "cost-based-routing"]
    draft.router["routing_strategy"] = draft.chosen.choice(names)


def own_retries(draft: Draft) -> None:
    """Give one deployment its own retries."""
    draft.params()["num_retries"] = draft.chosen.choice([0, 3])


def own_timeout(draft: Draft) -> None:
    """Give one deployment its own time-out."""
    draft.params()["timeout"] = draft.chosen.choice([3, 45])


def own_cooldown(draft: Draft) -> None:
    """Give one deployment its own cooldown."""
    draft.params()["cooldown_time"] = draft.chosen.choice([0, 2, 60])


def client_retries(draft: Draft) -> None:
    """Let the client of one deployment retry by itself."""
    draft.params()["max_retries"] = draft.chosen.choice([0, 2])


def retry_after(draft: Draft) -> None:
    """Set the shortest pause before a retry."""
    draft.router["retry_after"] = draft.chosen.choice([1, 4])


CHANGES: dict[Callable[[Draft], None], tuple[str, ...]] = {
    retries: ("500", "429"),
    retry_policy: ("500", "429", "hang", "401", "404"),
    group_retry_policy: ("500", "both"),
    allowed_fails: ("500", "404"),
    allowed_fails_policy: ("500", "429", "401", "hang"),
    cooldown_time: ("recovery", "500"),
    timeouts: ("hang", "silent"),
    no_timeout: ("hang",),
    no_cooldowns: ("500", "429-wait"),
    fallbacks: ("500", "names"),
    other_fallbacks: ("500", "names"),
    order: ("500", "names"),
    weight: ("500", "flap"),
    alias: ("500", "names"),
    strategy: ("500", "hang"),
    own_retries: ("500", "both"),
    own_timeout: ("hang", "500"),
    own_cooldown: ("recovery", "500"),
    client_retries: ("500", "429"),
    retry_after: ("500", "both"),
}


def variant(seed: int) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return a mutated profile, the names of its changes, and the scenarios that these concern."""
    chosen = random.Random(seed)  # noqa: S311 - reproducible, not secret
    tree = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    router = tree["profiles"][chosen.choice(["reliability", "balanced"])]["router_settings"]
    draft = Draft(chosen, router, tree["litellm_base"]["model_list"])
    menu = list(CHANGES)
    changes = [menu[seed % len(menu)], *chosen.sample(menu, chosen.choice([0, 1, 1, 2]))]
    for change in changes:
        change(draft)
    scenarios = list(dict.fromkeys(name for change in changes for name in CHANGES[change]))
    profile = {"model_list": draft.models, "router_settings": draft.router}
    return profile, [change.__name__ for change in changes], scenarios[:MOST_SCENARIOS]


def config_of(folder: Path, seeds: range) -> Config:
    """Return a config with a profile for each seed."""
    tree = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    profiles = {f"seed-{seed}": variant(seed)[0] for seed in seeds}
    return read(yaml.safe_dump({**tree, "profiles": profiles}), folder / "flowgate.yaml", embedded=True)


def broken(folder: Path, seed: int) -> list[str]:
    """Rehearse one mutated profile; return what is broken. A profile that is refused or unknown breaks nothing."""
    _, changes, scenarios = variant(seed)
    context = make_context(config_of(folder, range(seed, seed + 1)), f"seed-{seed}")
    try:
        plan = make_plan(context, f"seed-{seed}", litellm_only=False, as_written=False)
    except UsageError:
        return []
    found = rehearse_profile(context, plan, [SCENARIOS[name] for name in scenarios])
    return [f"seed {seed} {changes}: {one}" for one in found["promises"] if one["verdict"] == "broken"]


@pytest.mark.parametrize("first", range(0, PROFILES, CHUNK))
def test_a_mutated_profile_keeps_its_promises(tmp_path: Path, first: int) -> None:
    assert [one for seed in range(first, first + CHUNK) for one in broken(tmp_path, seed)] == []

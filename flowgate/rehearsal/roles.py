"""Who plays what in a rehearsal: the deployment that is asked first, who answers in its place, and how fast time goes.

Source: LiteLLM 1.106.2. A group of deployments is asked in its `order`; without one any of them may be asked first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowgate.config.overlay import overlay
from flowgate.domain import Tree
from flowgate.gateway import promises
from flowgate.gateway.litellm import without_provider
from flowgate.gateway.promises import FIRST_PAUSE, JITTER, LONGEST_PAUSE, Promises, number

PRIMARY, SECONDARY = "primary", "secondary"
ROLES = (PRIMARY, SECONDARY, "third", "further")  # in the order in which a question comes to them
BENCH_SECONDS = 2.0  # a bench must outlast a few questions
TIMEOUT_SECONDS = 1.5  # a healthy answer of a loaded machine must not run into a time-out
CLOCKED = ("timeout", "stream_timeout", "cooldown_time", "request_timeout", "retry_after")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays what.

    Attributes:
        asked: The model that clients ask for.
        roles: The id that a model is asked by southbound → its role: "primary", "secondary", "third", "further".
    """

    asked: str
    roles: Mapping[str, str]

    @property
    def secondary(self) -> bool:
        """Say whether somebody answers in the primary's place."""
        return SECONDARY in self.roles.values()

    def named(self, role: str) -> list[str]:
        """Name the models that play a role."""
        return [name for name, of in self.roles.items() if of == role]


def cast(tree: Tree) -> Cast:
    """Give every model its role.

    Args:
        tree: LiteLLM's settings, with fallbacks under `router_settings` or `litellm_settings`.
    """
    asked = _asked(tree)
    roles: dict[str, str] = {}
    for entries in _steps(tree, asked):
        fresh = [name for name in map(upstream_model, entries) if name not in roles]
        step = len(set(roles.values()))
        roles |= dict.fromkeys(fresh, ROLES[min(step, len(ROLES) - 1)])
    for entry in tree.get("model_list") or ():
        roles.setdefault(upstream_model(entry), ROLES[-1])
    return Cast(asked, roles)


def upstream_model(entry: Tree) -> str:
    """Name the model that a deployment asks for, without its provider."""
    return without_provider((entry.get("litellm_params") or {}).get("model", ""))


def _asked(tree: Tree) -> str:
    """Take the first model that leads on to another one; else the first there is."""
    names = [name for name in promises.models(tree) if "*" not in name]  # nobody can ask for a pattern
    return next((name for name in names if len(list(_steps(tree, name))) > 1), names[0] if names else "")


def _steps(tree: Tree, model: str, seen: tuple[str, ...] = ()) -> Iterator[list[Tree]]:
    """Give the deployments that one question may go through, step by step."""
    entries = promises.deployments(tree, model)
    ranks = [number((one.get("litellm_params") or {}).get("order"), 1e9) for one in entries]
    for rank in sorted(set(ranks)):
        yield [one for one, at in zip(entries, ranks, strict=True) if at == rank]
    router = tree.get("router_settings") or {}
    chains = promises.chains(router) or promises.chains(tree.get("litellm_settings") or {})
    aliases = router.get("model_group_alias") or {}
    for target in chains.get(model, chains.get("*", ())):
        name = promises.target_name(aliases.get(target, target))
        if name not in (*seen, model):
            yield from _steps(tree, name, (*seen, model))


def factor(found: Promises, scales_bench: bool = True) -> float:
    """Settle what LiteLLM's times are multiplied with: as short as can still be told from a slow machine.

    Args:
        scales_bench: False where CLIProxyAPIPlus benches, whose minute does not scale.
    """
    patience = min(found.request_timeout, found.stream_timeout)
    least = [TIMEOUT_SECONDS / patience if patience > 0 else 1.0]
    if scales_bench and found.cooldown_after is not None and found.cooldown_seconds > 0:
        least.append(BENCH_SECONDS / found.cooldown_seconds)
    return min(1.0, round(max(least), 4))


def scaled(tree: Tree, by: float) -> Tree:
    """Multiply every time that LiteLLM's settings hold; the given tree is not changed."""
    made = overlay(tree, {})
    for name in ("router_settings", "litellm_settings"):
        if name in made:
            made[name] = _scaled(made[name], by)
    for entry in made.get("model_list") or ():
        for name in ("litellm_params", "model_info"):
            if name in entry:
                entry[name] = _scaled(entry[name], by)
    return made


def _scaled(settings: Tree, by: float) -> Tree:
    def one(key: str, value: object) -> object:
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        return round(float(value) * by, 3) if plain and key in CLOCKED else value  # type: ignore[arg-type]

    return {key: one(key, value) for key, value in (settings or {}).items()}


def pauses(by: float) -> dict[str, str]:
    """Give the variables that scale LiteLLM's pauses between attempts; it reads them when it is imported."""
    found = {"INITIAL_RETRY_DELAY": FIRST_PAUSE, "MAX_RETRY_DELAY": LONGEST_PAUSE, "JITTER": JITTER}
    return {name: f"{seconds * by:.4f}" for name, seconds in found.items()}

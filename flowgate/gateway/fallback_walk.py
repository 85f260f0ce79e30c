"""The order in which one request goes through fallbacks, as LiteLLM's router walks them; pure.

Source: `run_async_fallback` of LiteLLM 1.106.2 and 1.108.7, measured on their routers in-process. A name that was asked
is never asked again in the same request. `max_fallbacks` limits the depth, and each step along a list counts: the
third fallback of a model is at depth 3, so its own fallbacks begin at depth 4. A list is always used to its end. A
fallback without a list of its own continues that of the name that the client asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowgate.domain import RouterSettings
from flowgate.gateway.model_names import ModelNames, own_chain

MAX_FALLBACKS = 5  # LiteLLM's own limit


def depth_limit(router: RouterSettings) -> int:
    """Return how deep LiteLLM follows fallbacks; 0 switches them off.

    Args:
        router: `router_settings`.
    """
    value = router.get("max_fallbacks")
    return value if isinstance(value, int) and not isinstance(value, bool) else MAX_FALLBACKS


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """The fallbacks of a profile.

    Attributes:
        lists: Name → its fallbacks; `*` stands for every other name.
        limit: The depth from which none are followed.
        orders: Name → the number of further orders of its deployments; LiteLLM counts each one as a fallback.
    """

    lists: Mapping[str, Sequence[str]]
    limit: int = MAX_FALLBACKS
    orders: Mapping[str, int] | None = None

    def of(self, name: str) -> Sequence[str]:
        """Return the fallbacks of a name that a client asked for."""
        own = own_chain(self.lists, name)
        return self.lists.get("*", ()) if own is None else own

    def walk(self, name: str) -> list[str]:
        """Return the names that a request for a name asks if all of them fail; the first is the name itself."""
        return self._walk(name, self.limit)

    def cut_off(self, name: str) -> list[str]:
        """Return the names that a request for a name would ask if the depth had no limit, and does not ask."""
        within, most = set(self.walk(name)), len(self.lists) + sum(map(len, self.lists.values()))
        return [one for one in self._walk(name, most + sum((self.orders or {}).values()) + 1) if one not in within]

    def repeated(self, names: ModelNames) -> Iterator[list[str]]:
        """Find requests that reach the deployments of a failed model again, under another name of it.

        Args:
            names: The names of the profile.

        Returns:
            For each, the names up to the one that stands for a failed model.
        """
        for one in names.names():
            path = self.walk(one.routed)
            groups = [_group(names, name) for name in path]
            second = next((index for index, group in enumerate(groups) if group in groups[:index]), 0)
            if second:
                yield path[: second + 1]

    def _next(self, current: str, asked_for: str) -> Sequence[str]:
        return self.of(current if own_chain(self.lists, current) is not None else asked_for)

    def _walk(self, name: str, limit: int) -> list[str]:
        asked = dict.fromkeys([name])

        def visit(current: str, depth: int) -> None:
            if depth >= limit:
                return
            depth += (self.orders or {}).get(current, 0)
            for target in self._next(current, name):
                if target not in asked:
                    depth += 1
                    asked[target] = None
                    visit(target, depth)

        visit(name, 0)
        return list(asked)


def _group(names: ModelNames, name: str) -> str:
    answer = names.resolve(name)
    return answer.group if answer and "*" not in answer.group else name

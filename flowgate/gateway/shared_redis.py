"""The Redis server in which LiteLLM's routers share failures and cooldowns: its address, and its time-outs.

Source: LiteLLM 1.108.7 with redis-py 8.1, router.py: `redis_url`, or `redis_host` and `redis_port`; `cache_kwargs` are
passed on to the client. By default it waits 5 s for each answer (caching/redis_cache.py) and repeats four times with
growing pauses, and the router asks with the client that blocks its whole process. Measured: while the server was
stopped, a request took 10 s, and one whose vendor failed more than 30 s; with these values 1 s and less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import unquote, urlsplit

from flowgate.domain import LiteLLMSettings, RouterSettings, Secret
from flowgate.system.redis_probe import RedisAddress

KEYS = ("redis_host", "redis_url")
REFERENCE = "os.environ/"
LIBRARY_SECONDS = 5.0
BOUNDED_SECONDS = 0.5
BOUNDS: Mapping[str, object] = {
    "socket_timeout": BOUNDED_SECONDS,
    "socket_connect_timeout": BOUNDED_SECONDS,
    "retry": None,
}
Lookup = Callable[[str], Secret | None]


def is_named(settings: LiteLLMSettings) -> bool:
    """Return whether LiteLLM's router keeps its counts in a Redis server.

    Args:
        settings: LiteLLM's settings.
    """
    router: dict[str, object] = dict(settings.get("router_settings") or {})
    return any(router.get(key) for key in KEYS)


def address(settings: LiteLLMSettings, variable: Lookup) -> RedisAddress | None:
    """Return where the Redis server of a profile is; None if it has none, or if a variable is not set.

    Args:
        settings: LiteLLM's settings under the profile.
        variable: Returns the value of a variable.
    """
    router: dict[str, object] = dict(settings.get("router_settings") or {})
    if url := _text(router.get("redis_url"), variable):
        return _of_url(url)
    host, port = _text(router.get("redis_host"), variable), _text(router.get("redis_port"), variable)
    if not host or not port.isdecimal():
        return None
    password = _text(router.get("redis_password"), variable)
    kwargs = router.get("cache_kwargs")
    more: Mapping[str, object] = kwargs if isinstance(kwargs, dict) else {}
    user = _text(more.get("username"), variable)
    return RedisAddress(host, int(port), Secret(password) if password else None, user, more.get("ssl") is True)


def _of_url(url: str) -> RedisAddress | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 6379
    except ValueError:  # LiteLLM reports it
        return None
    password = Secret(unquote(parts.password)) if parts.password else None
    return RedisAddress(host, port, password, unquote(parts.username or ""), parts.scheme == "rediss") if host else None


def _text(value: object, variable: Lookup) -> str:
    text = "" if value is None else str(value)
    if not text.startswith(REFERENCE):
        return text
    found = variable(text.removeprefix(REFERENCE))
    return found.reveal() if found else ""


def bounded(settings: LiteLLMSettings) -> tuple[LiteLLMSettings, list[str]]:
    """Return LiteLLM's settings with bounds for a Redis server that hangs, and what was added; yours are kept.

    Args:
        settings: LiteLLM's settings under a profile; not changed.
    """
    router: dict[str, object] = dict(settings.get("router_settings") or {})
    own = router.get("cache_kwargs")
    if not is_named(settings) or not isinstance(own or {}, dict):
        return settings, []
    kwargs: dict[str, object] = dict(own) if isinstance(own, dict) else {}
    missing = {name: value for name, value in BOUNDS.items() if name not in kwargs}
    if not missing:
        return settings, []
    router["cache_kwargs"] = {**kwargs, **missing}
    shown = ", ".join(f"{name}: {'null' if value is None else value}" for name, value in missing.items())
    why = "a Redis server that hangs would hold up every request for many seconds"
    made = settings.copy()
    made["router_settings"] = cast("RouterSettings", router)
    return made, [f"router_settings.cache_kwargs: {shown} is added: {why}"]


def wait_seconds(settings: LiteLLMSettings) -> float:
    """Return how long LiteLLM waits for one answer of the Redis server.

    Args:
        settings: LiteLLM's settings under a profile.
    """
    router: dict[str, object] = dict(settings.get("router_settings") or {})
    kwargs = router.get("cache_kwargs")
    own = kwargs.get("socket_timeout") if isinstance(kwargs, dict) else None
    return float(own) if isinstance(own, (int, float)) and not isinstance(own, bool) else LIBRARY_SECONDS

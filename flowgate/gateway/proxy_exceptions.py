"""NO_PROXY of the programs that FlowGate starts: the user's exceptions and every loopback address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure, FlowGateError
from flowgate.system import sockets

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
SCHEMES, SOCKS = ("http", "https", "socks5", "socks5h"), "socksio"
SPELLINGS = ("NO_PROXY", "no_proxy")  # some programs prefer one, some the other
ALWAYS = ("localhost", "127.0.0.1", "::1")
EVERYTHING = "*"
URL_HOST = re.compile(r"\w+://(?:[^/@\s\"']*@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)")


def merge(listed: Iterable[str], texts: Iterable[str] = ()) -> str:
    """Return the value of NO_PROXY: what the user listed, then the loopback addresses.

    Args:
        listed: The user's values of NO_PROXY and no_proxy.
        texts: Texts whose URLs are searched for further loopback addresses.
    """
    own = [entry for value in listed for entry in re.split(r"[,\s]+", value) if entry]
    if EVERYTHING in own:  # in a longer list it would not count for Python's libraries
        return EVERYTHING
    return ",".join(dict.fromkeys([*own, *ALWAYS, *_loopback_hosts(texts)]))


def without_proxy(env: Mapping[str, Secret], texts: Iterable[str] = ()) -> dict[str, Secret]:
    """Return an environment in which loopback addresses are asked without a proxy.

    Args:
        env: The environment. The user's exceptions are kept, from both spellings.
        texts: Texts whose URLs the program asks, such as its config file.
    """
    listed = [env[name].reveal() for name in SPELLINGS if name in env]
    value = merge(listed, [*texts, *(value.reveal() for value in env.values())])
    return {**env, **dict.fromkeys(SPELLINGS, Secret(value))}


def faults(env: Mapping[str, str], has_socks: bool) -> Iterator[FlowGateError]:
    """Find proxies with which LiteLLM does not start: its HTTP client refuses them when it is created.

    Source: httpx 0.28, `get_environment_proxies` and `HTTPTransport`.

    Args:
        env: LiteLLM's environment.
        has_socks: Whether the package is installed that SOCKS needs.
    """
    for name in PROXIES:
        scheme, found, _ = env.get(name, "").partition("://")
        if found and scheme.lower() not in SCHEMES:
            what = f"LiteLLM cannot use the proxy of {name}: it knows no {scheme}://"
            yield EnvironmentFailure(what, fix=f"unset {name}, or give it an http:// or socks5:// address")
        elif scheme.lower().startswith("socks") and found and not has_socks:
            what = f"{name} is a SOCKS proxy, and LiteLLM needs the package {SOCKS} for that"
            yield EnvironmentFailure(what, fix=f"unset {name}, or pip install {SOCKS}")


def plain_without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a user's own command; it changes only if it names a proxy.

    Args:
        environment: The command's environment.
    """
    if not any(environment.get(name) for name in PROXIES):
        return dict(environment)
    value = merge([environment[name] for name in SPELLINGS if name in environment])
    return {**environment, **dict.fromkeys(SPELLINGS, value)}


def _loopback_hosts(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for host in URL_HOST.findall(text):
            name = host.strip("[]").lower()
            if sockets.is_loopback(name) or name in sockets.WILDCARDS:
                yield name

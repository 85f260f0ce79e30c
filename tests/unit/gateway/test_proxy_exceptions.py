"""Loopback addresses are asked without a proxy, and the user's own exceptions stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import httpx
import pytest

from flowgate.domain import Config, Secret, Sourced
from flowgate.gateway.build import BuildInputs, build
from flowgate.gateway.environment import Variables
from flowgate.gateway.proxy_exceptions import PROXIES, faults, merge, plain_without_proxy, without_proxy

Make = Callable[..., Config]
PROXY = "http://proxy.corp.test:3128"
LISTS = [
    {},
    {"NO_PROXY": ""},
    {"NO_PROXY": "llm.corp.test"},
    {"no_proxy": "llm.corp.test"},
    {"NO_PROXY": "a.test", "no_proxy": "b.test"},
    {"NO_PROXY": ".corp.test, 10.0.0.0/8"},
    {"NO_PROXY": "a.test b.test"},
    {"NO_PROXY": ",,a.test,"},
    {"NO_PROXY": "127.0.0.1"},
    {"no_proxy": "LOCALHOST"},
]


def entries(env: Mapping[str, Secret], name: str) -> list[str]:
    return env[name].reveal().split(",")


@pytest.mark.parametrize("given", LISTS)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_both_spellings_hold_the_users_list_and_loopback(given: dict[str, str], name: str) -> None:
    found = entries(without_proxy({key: Secret(value) for key, value in given.items()}), name)
    own = [word for value in given.values() for word in value.replace(",", " ").split()]
    assert {*own, "localhost", "127.0.0.1", "::1"} <= set(found)


@pytest.mark.parametrize("given", LISTS)
def test_python_asks_loopback_without_the_proxy(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    env = without_proxy({key: Secret(value) for key, value in {**given, "HTTP_PROXY": PROXY}.items()})
    for key, value in env.items():
        monkeypatch.setenv(key, value.reveal())
    assert proxy_bypass_environment("127.0.0.1:8317", getproxies_environment())
    with httpx.Client() as client:
        assert client._transport_for_url(httpx.URL("http://127.0.0.1:8317")) is client._transport
        assert client._transport_for_url(httpx.URL("http://vendor.test")) is not client._transport


def test_a_star_stays_alone_because_it_counts_only_then() -> None:
    assert merge(["a.test,*"]) == "*"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("api_base: http://127.0.0.5:8317/v1", "127.0.0.5"),
        ("api_base: http://0.0.0.0:8317", "0.0.0.0"),  # noqa: S104 - the host of a URL
        ("api_base: http://llm.localhost:1", "llm.localhost"),
        ("proxy: http://name:word@127.9.9.9/", "127.9.9.9"),
        ("base-url: 'http://[::1]:1234'", "::1"),
        ("redis://127.1.2.3:6379", "127.1.2.3"),
    ],
)
def test_every_loopback_address_of_a_config_is_listed(text: str, host: str) -> None:
    assert host in merge([], [text]).split(",")


def test_an_address_in_a_variable_is_listed_and_a_vendor_is_not() -> None:
    env = without_proxy({"SOUTH": Secret("http://127.0.0.7:1/v1"), "NORTH": Secret("https://vendor.test/v1")})
    assert "127.0.0.7" in entries(env, "NO_PROXY")
    assert "vendor.test" not in entries(env, "no_proxy")


def test_a_users_own_command_is_changed_only_if_a_proxy_is_set() -> None:
    assert plain_without_proxy({"NO_PROXY": "a.test"}) == {"NO_PROXY": "a.test"}
    assert plain_without_proxy({"https_proxy": PROXY})["no_proxy"] == "localhost,127.0.0.1,::1"


@pytest.mark.parametrize("service", ["litellm", "cliproxyapi_plus"])
def test_each_service_asks_loopback_without_the_users_proxy(config: Make, service: str) -> None:
    built = build(config(), Sourced("balanced", "typed"), BuildInputs({}, Secret("sk-upstream"))).services[service]
    environment = {"http_proxy": PROXY, "no_proxy": "corp.test"}
    program = Variables(environment, Path("/none"), lambda path: None).for_program(built, config().services[service])
    assert entries(program.env, "NO_PROXY")[:2] == ["corp.test", "localhost"]
    assert program.env["no_proxy"] == program.env["NO_PROXY"]
    assert program.env["http_proxy"].reveal() == PROXY


@pytest.mark.parametrize(
    ("value", "has_socks", "words"),
    [
        *((one, False, "") for one in ("", "http://p:1", "https://p:1", "p:1", "HTTP://p:1")),
        *((one, False, "needs the package socksio") for one in ("socks5://p:1", "socks5h://p:1", "SOCKS5://p:1")),
        *((one, True, "") for one in ("socks5://p:1", "socks5h://p:1")),
        *((one, True, "knows no") for one in ("socks4://p:1", "socks://p:1", "ftp://p:1")),
    ],
)
@pytest.mark.parametrize("name", PROXIES)
def test_proxies_with_which_litellm_does_not_start(name: str, value: str, has_socks: bool, words: str) -> None:
    found = [one.what for one in faults({name: value}, has_socks)]
    assert [words in one and name in one for one in found] == ([True] if words else [])

"""Mutated configs: their parsed values are changed and written as YAML again, and some are changed as text.

Everything is chosen by a seed: the same seed gives the same config.
"""

from __future__ import annotations

import copy
import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.conftest import CHECKOUT, CONFIG

SETTINGS = """
  litellm_settings: {request_timeout: 30, num_retries: 2, drop_params: true, callbacks: [tally.counter]}
  general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
  router_settings:
    model_group_alias: {fast: router-cheap, deep: {model: router-default, hidden: true}}
    fallbacks: [{router-default: [router-cheap]}]
    context_window_fallbacks: [{router-default: [router-cheap]}]
    retry_policy: {TimeoutErrorRetries: 1, RateLimitErrorRetries: 0}
    allowed_fails_policy: {TimeoutErrorAllowedFails: 2}
    routing_strategy: simple-shuffle
    allowed_fails: 2
    cooldown_time: 5
    timeout: 20
    stream_timeout: 10
vars: {greeting: hello, count: 3}
secret_files: [.router/secrets/management-key]
auth: {providers: {codex: {method: oauth_poll}, copilot: {method: device}}}
bootstrap:
  repo: OWNER/NAME
  version: v6.8.16-0
  mirrors: [https://mirror.example.com]
  sha256: {linux_amd64: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
profiles:"""
MODELS = """\
    - model_name: anthropic/*
      litellm_params: {model: anthropic/*, api_key: os.environ/ANTHROPIC_API_KEY, timeout: 9, num_retries: 1}
    - model_name: router-default
      litellm_params: {model: openai/second, api_base: https://example.com/v1, api_key: sk-x, order: 2, weight: 3}
      model_info: {id: second, mode: chat, access_groups: [all], base_model: gpt-4o}
"""
SERVICES = """\
    depends_on: [cliproxyapi_plus]
    env: {EXTRA: one}
    ready_timeout: 30s
    drain_timeout: 1m
    hold_timeout: 5
    max_memory: 2GB
    restart: always
  cliproxyapi_plus:
"""
PORTS = {"litellm_port": 4000, "upstream_port": 8317, "litellm": "[python3]", "upstream": "[python3]"}
SMALL = CONFIG.format(**PORTS)
LARGE = SMALL.replace("\nprofiles:", SETTINGS).replace(
    "litellm_base:\n  model_list:\n", f"litellm_base:\n  model_list:\n{MODELS}"
)
LARGE = LARGE.replace("  cliproxyapi_plus:\n", SERVICES, 1)
EXAMPLES = [path.read_text("utf-8") for path in sorted((CHECKOUT / "config" / "examples").glob("*.yaml"))]
UPSTREAM = next(text for text in EXAMPLES if "auth-dir" in text)
CONFIGS = [SMALL, LARGE, LARGE, LARGE, *(text for text in EXAMPLES if "config_version" in text)]

NUMBERS: list[Any] = [-1, 0, 1, 2, 1.5, 65536, 10**400, -(10**400), float("nan"), float("inf"), -0.0, 1e308, 1e-9, 6000]
TEXTS: list[Any] = [
    "",
    " ",
    "3",
    "1m",
    "ten",
    "-5s",
    "1e999",
    "nan",
    "true",
    "é",
    "\u202e",
    "\0",
    "\x1b[2J",
    "a\nb",
    "~",
    "{{ x }}",
]
TEXTS += [
    "x" * 5000,
    "/dev/null",
    "/",
    "../..",
    "~nobody/x",
    "$(id)",
    "%s",
    "*",
    "[",
    "a:b",
    "None",
    "\ud800",
    "日本",
    "'",
    "\\",
]
REFERENCES = [
    "os.environ/TRIES",
    "os.environ/",
    "os.env/KEY",
    "os.environ/HOME",
    "OS.ENVIRON/KEY",
    "${KEY}",
    "$KEY",
    "KEY",
]
REFERENCES += ["os.environ/ TRIES", "os.environ.TRIES", "os.environ/A/B", "env/KEY", "os.environ/é", "!vault x"]
KINDS: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": 1},
    {None: 1},
    {1: 2, "1": 3},
    [1, "1", 1],
    {"a": {"b": ["c"]}},
]
KINDS += [datetime.date(2026, 9, 9), datetime.datetime(2026, 1, 2, 3, 4), b"\x00\xff", {"x"}, [["x"] * 3] * 40]
NAMES = ["router-default", "router-cheap", "fast", "deep", "nope", "*", "openai/*", "router-*", "second", "all", "cost"]
PROVIDERS = [
    "openai/",
    "olma_chat/x",
    "fastest/x",
    "openai/x ",
    "/x",
    "anthropic/*",
    "openai/*",
    "gpt-4o",
    "bedrock/x",
    "custom_openai/é",
]
ADDRESSES = [
    "http://127.0.0.1:0/v1",
    "http://[::1]:1/v1",
    "127.0.0.1",
    "ftp://x",
    "http://",
    "http://a b/v1",
    "http://x:99999",
    "http://[::",
]
POOL = [NUMBERS, TEXTS, REFERENCES, KINDS, NAMES, PROVIDERS, ADDRESSES]


@dataclass(frozen=True)
class Place:
    """One value of a tree: its container, and its key or index there."""

    container: Any
    key: Any

    @property
    def value(self) -> Any:
        return self.container[self.key]

    def put(self, value: Any) -> None:
        self.container[self.key] = value


def mutated(seed: int) -> tuple[str, str]:
    """Return a config and a config of CLIProxyAPIPlus, one of which is mutated."""
    chosen = random.Random(seed)  # noqa: S311 - reproducible, not secret
    config, upstream = chosen.choice(CONFIGS), UPSTREAM
    change = _as_text if chosen.random() < 0.15 else _as_values
    if chosen.random() < 0.1:
        return config.replace("[python3]", "[.router/runtime/bin/CLIProxyAPIPlus, -config, cliproxyapi.yaml]"), change(
            chosen, upstream
        )
    return change(chosen, config), upstream


def _as_values(chosen: random.Random, text: str) -> str:
    tree = yaml.safe_load(text)
    changes = [replace, replace, replace, replace, delete, rename, swap, move, put_elsewhere, wrap, change_name]
    for _ in range(chosen.choice([1, 1, 1, 2, 3])):
        found = list(places(tree))
        if found:
            chosen.choice(changes)(chosen, found)
    written = yaml.safe_dump(tree, sort_keys=False, allow_unicode=chosen.random() < 0.5)
    return with_duplicate(chosen, written) if chosen.random() < 0.05 else written


def places(tree: Any) -> Iterator[Place]:
    """Yield every place of a tree."""
    pairs = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    for key, value in pairs:
        yield Place(tree, key)
        yield from places(value)


def replace(chosen: random.Random, found: list[Place]) -> None:
    """Give a place another value."""
    chosen.choice(found).put(copy.deepcopy(chosen.choice(chosen.choice(POOL))))


def delete(chosen: random.Random, found: list[Place]) -> None:
    """Delete a place."""
    place = chosen.choice(found)
    del place.container[place.key]


def rename(chosen: random.Random, found: list[Place]) -> None:
    """Misspell the key of a place."""
    place = chosen.choice(found)
    if isinstance(place.key, str) and place.key:
        at, key = chosen.randrange(len(place.key)), place.key
        spelled = [key[:at] + key[at + 1 :], key[:at] + key[at] + key[at:], key.replace("_", "-"), key.upper()]
        pairs = [(chosen.choice(spelled) if one == key else one, value) for one, value in place.container.items()]
        place.container.clear()
        place.container.update(pairs)


def swap(chosen: random.Random, found: list[Place]) -> None:
    """Exchange two values."""
    one, other = chosen.choice(found), chosen.choice(found)
    first, second = copy.deepcopy(one.value), copy.deepcopy(other.value)
    other.put(first)
    one.put(second)


def move(chosen: random.Random, found: list[Place]) -> None:
    """Move a key to another mapping."""
    taken = chosen.choice(found)
    put_elsewhere(chosen, found, taken)
    del taken.container[taken.key]


def put_elsewhere(chosen: random.Random, found: list[Place], place: Place | None = None) -> None:
    """Write a value at another level too."""
    place = place or chosen.choice(found)
    target, value = chosen.choice(found).value, copy.deepcopy(place.value)
    if isinstance(target, dict):
        target[place.key] = value
    elif isinstance(target, list):
        target.append(value)


def wrap(chosen: random.Random, found: list[Place]) -> None:
    """Put a value into a list or a mapping, or a text in the place of what it is."""
    place = chosen.choice(found)
    value = copy.deepcopy(place.value)
    place.put(chosen.choice([[value], {"value": value}, str(value), [value, value], [[value]]]))


def change_name(chosen: random.Random, found: list[Place]) -> None:
    """Give something that names a model, a provider, an address or a variable another name."""
    texts = [one for one in found if isinstance(one.value, str)]
    if texts:
        chosen.choice(texts).put(chosen.choice(chosen.choice([NAMES, PROVIDERS, ADDRESSES, REFERENCES])))


def with_duplicate(chosen: random.Random, text: str) -> str:
    """Write one key of a mapping twice."""
    root = yaml.compose(text, yaml.SafeLoader)
    pairs = [(node, pair) for node in _mappings(root) for pair in node.value]
    if pairs:
        node, pair = chosen.choice(pairs)
        node.value.insert(chosen.randrange(len(node.value) + 1), pair)
    return yaml.serialize(root, Dumper=yaml.SafeDumper)


def _mappings(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        yield node
    for one in node.value if isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) else ():
        for child in one if isinstance(one, tuple) else (one,):
            yield from _mappings(child)


# --- as text

WORDS = [
    "''",
    "null",
    "-1",
    ".nan",
    "1e999",
    "9" * 400,
    "1_000",
    "0x1F",
    "1:30",
    "&a [*a]",
    "*nope",
    "<<",
    "!!binary x",
]
WORDS += [
    "!!python/object:os.system x",
    "!vault x",
    "2026-99-99",
    '"\\0"',
    '"\\ud800"',
    "!!set {x}",
    "!!float x",
    "? x",
    "yes",
]
LINES: list[Callable[[str], list[str]]] = [
    lambda line: [],
    lambda line: [line, line],
    lambda line: ["  " + line],
    lambda line: [line.lstrip()],
    lambda line: ["\t" + line],
    lambda line: [line.replace("e", "", 1)],
    lambda line: [line + "{["],
    lambda line: [line, "[" * 300],
    lambda line: [line.replace(":", "", 1)],
    lambda line: [line + "\x07"],
    lambda line: ["---", line],
]


def _as_text(chosen: random.Random, text: str) -> str:
    lines = text.split("\n")
    for _ in range(chosen.randrange(1, 4)):
        at = chosen.randrange(len(lines))
        key, colon, _ = lines[at].partition(":")
        if colon and chosen.random() < 0.6:
            lines[at] = f"{key}: {chosen.choice(WORDS)}"
        else:
            lines[at : at + 1] = chosen.choice(LINES)(lines[at])
    return chosen.choice(["", "", "", "", "\ufeff"]) + chosen.choice(["\n"] * 5 + ["\r\n"]).join(lines)

"""The texts that `init` writes, made from the examples: new keys, the chosen source, the folder of `.router/`."""

from __future__ import annotations

import json
import re
import secrets

from flowgate.gateway.upstream_sources import named

ROUTER = ".router"
BOOTSTRAP = "# Where CLIProxyAPIPlus is downloaded from"  # begins the end of the example


def with_source(text: str, source: str) -> str:
    """Let an example name the source of CLIProxyAPIPlus.

    Args:
        text: The text of an example config.
        source: The name of the source.
    """
    return text[: text.index(BOOTSTRAP)] + _bootstrap(source)


def _bootstrap(source: str) -> str:
    chosen = named(source)
    return (
        f"# CLIProxyAPIPlus is installed from here when it is missing, and only from here ({chosen.about}).\n"
        "# After the first download, pin the sha256 that it prints: `sha256: { linux_amd64: … }`.\n"
        f"bootstrap:\n  repo: {chosen.repo}\n  version: {chosen.version}\n"
    )


def below_config(text: str) -> str:
    """Return the embedded default as a config in `config/`: its paths begin at that folder.

    Args:
        text: The text of the embedded default.
    """
    head, _, rest = text.partition("config_version:")
    first = head.splitlines()[0].replace("../../", "../")
    comment = "# The real LiteLLM over FlowGate's embedded upstream: canned answers, no account, no key, no provider."
    return f"{first}\n{comment}\nconfig_version:{rest.replace('.router/', '../.router/')}"


def with_router(text: str, router: str) -> str:
    """Replace `../.router` in the paths of an example by another folder.

    Args:
        text: The text of an example config.
        router: The folder, as the config names it.
    """
    if router == f"../{ROUTER}":
        return text
    # The line for editors names a schema that is in a checkout only.
    text = "".join(one for one in text.splitlines(keepends=True) if not one.startswith("# yaml-language-server:"))
    needs_quotes = re.search(r"[^\w./~-]", router)

    def replaced(found: re.Match[str]) -> str:
        path = router + found[1]
        return json.dumps(path) if needs_quotes else path

    return re.sub(rf"\.\./{re.escape(ROUTER)}([^\s,\]}}]*)", replaced, text)


def with_new_keys(text: str, known: frozenset[str]) -> str:
    """Replace each example key by a new random key.

    Args:
        text: The text of an example config.
        known: The example keys.
    """
    for key in sorted(known, key=len, reverse=True):
        text = text.replace(key, f"sk-{secrets.token_hex(24)}")
    return text

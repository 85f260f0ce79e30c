"""The command line, as Go's `flag` package reads it."""

from __future__ import annotations

OWN_VALUES, OWN_SWITCHES = ("contract", "callback-ports"), ("faults",)  # flags that the real program does not have
VALUES = ("config", "password", "oauth-callback-port", "project_id", "vertex-import", *OWN_VALUES)
LOGINS = (
    *("login", "codex-login", "claude-login", "qwen-login", "iflow-login", "iflow-cookie", "antigravity-login"),
    *("kimi-login", "github-copilot-login", "kiro-login", "kiro-google-login", "kiro-aws-login"),
    *("kiro-aws-authcode", "kiro-import"),
)
SWITCHES = ("no-browser", "incognito", "no-incognito", *LOGINS, *OWN_SWITCHES)


class FlagError(Exception):
    """A flag that the real program would refuse."""


def parse_flags(words: list[str]) -> dict[str, str]:
    """Parse flags in any of Go's forms: `-x V`, `--x V`, `-x=V`.

    Args:
        words: The command line without the program.

    Returns:
        The values by flag; "true" for a switch without a value.

    Raises:
        FlagError: A flag is unknown or its value is missing.
    """
    found: dict[str, str] = {}
    left = list(words)
    while left and left[0].startswith("-") and left[0] not in ("-", "--"):
        name, equals, value = left.pop(0).lstrip("-").partition("=")
        if name in ("h", "help"):
            found["help"] = "true"
        elif name in VALUES:
            if not equals and not left:
                raise FlagError(f"flag needs an argument: -{name}")
            found[name] = value if equals else left.pop(0)
        elif name in SWITCHES:
            found[name] = value or "true"
        else:
            raise FlagError(f"flag provided but not defined: -{name}")
    return found


def usage() -> str:
    """List the flags."""
    lines = [f"  -{name}{' string' if name in VALUES else ''}" for name in sorted((*VALUES, *SWITCHES))]
    return "\n".join(["Usage of embedded-upstream:", *lines])


def parse_ports(text: str) -> dict[str, int]:
    """Parse callback ports such as `codex=0,all=4000`.

    Raises:
        ValueError: A port is not a number.
    """
    return {name: int(port) for name, _, port in (pair.partition("=") for pair in text.split(",") if pair)}

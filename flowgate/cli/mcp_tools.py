"""The tools of `inv mcp`: which commands they run, and with which arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowgate.errors import InvalidValue, UnknownName, UsageError

LONGEST_TEXT = 200
MOST_NUMBER = 1_000
SINCE = "10m, 2h, 7d or a time such as 2026-01-31T12:00:00Z"
Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a tool.

    Attributes:
        meaning: What it is, in words.
        kind: string, integer or boolean.
        required: Whether it must be given.
        choices: The only values; empty for any.
        flag: The option of the command; empty for a word of its own.
    """

    meaning: str
    kind: str = "string"
    required: bool = False
    choices: tuple[str, ...] = ()
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool.

    Attributes:
        words: The command, without its arguments.
        meaning: What the tool does, for the model that chooses it.
        arguments: Its arguments by name.
        changes: Whether it changes something.
        destructive: Whether what it changes can hurt requests in progress.
        document: Whether the command prints one JSON document; "lines": one object a line.
    """

    words: tuple[str, ...]
    meaning: str
    arguments: Mapping[str, Argument]
    changes: bool = False
    destructive: bool = False
    document: str = "document"

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of the arguments."""
        required = [name for name, one in self.arguments.items() if one.required]
        return {
            "type": "object",
            "properties": {name: _schema(one) for name, one in self.arguments.items()},
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }

    def command(self, given: Mapping[str, object]) -> list[str]:
        """Return the words of the command for some arguments.

        Args:
            given: The arguments.

        Raises:
            UsageError: An argument is unknown, missing, or has a wrong value.
        """
        values = self.read(given)
        flags, words = list[str](), list[str]()
        for name, value in values.items():
            flag = self.arguments[name].flag
            if not flag:
                words.append(str(value))
            elif value is not False:
                flags.append(f"--{flag}" if value is True else f"--{flag}={value}")
        return [*self.words, *words, *flags]

    def read(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Check the arguments.

        Args:
            given: The arguments.

        Raises:
            UsageError: One is unknown, missing, or has a wrong value.
        """
        for name in given:
            if name not in self.arguments:
                raise UnknownName("argument", name, known=tuple(self.arguments))
        for name, one in self.arguments.items():
            if one.required and name not in given:
                raise UsageError(f"the argument '{name}' is missing", fix=f"give {name}: {one.meaning}")
        return {name: _checked(name, one, given[name]) for name, one in self.arguments.items() if name in given}


def _schema(one: Argument) -> dict[str, object]:
    more: dict[str, object] = {"enum": list(one.choices)} if one.choices else {}
    if one.kind == "integer":
        more = {"minimum": 1, "maximum": MOST_NUMBER}
    elif one.kind == "string" and not one.choices:
        more = {"minLength": 1, "maxLength": LONGEST_TEXT, "pattern": "^[^-\\s]"}
    return {"type": one.kind, "description": one.meaning, **more}


def _checked(name: str, one: Argument, value: object) -> Value:
    if one.kind == "boolean":
        if isinstance(value, bool):
            return value
        raise InvalidValue(name, found=value, wanted="true or false")
    if one.kind == "integer":
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_NUMBER:
            return value
        raise InvalidValue(name, found=value, wanted=f"a whole number from 1 to {MOST_NUMBER}")
    if one.choices:
        if value in one.choices:
            return value
        raise InvalidValue(name, found=value, wanted=f"one of {', '.join(one.choices)}")
    # A word that begins with "-" would be an option of the command.
    if isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and value.isprintable() and value[0] not in "- ":
        return value
    raise InvalidValue(name, found=value, wanted=f"a text of up to {LONGEST_TEXT} characters that begins with no '-'")


BY = ("model", "deployment", "client", "profile", "provider", "account", "day", "hour", "status")
SERVICES = ("all", "litellm", "cliproxyapi_plus")
READING: dict[str, Tool] = {
    "status": Tool(("status",), "The active profile, and every service with its generations and workers.", {}),
    "health": Tool(("health",), "Whether each service is alive and ready; `ok` is false if one is not.", {}),
    "usage": Tool(
        ("usage",),
        "How much was asked, what failed, how long it took and what it cost.",
        {
            "by": Argument("What to group by; default: model", choices=BY, flag="by"),
            "since": Argument(f"Beginning: {SINCE}; default: 7d", flag="since"),
            "until": Argument("End, in the same forms; default: now", flag="until"),
        },
    ),
    "explain": Tool(
        ("explain",),
        "Who served requests and why: attempts, retries, fallbacks, times and cost. Never a prompt or an answer.",
        {
            "last": Argument("How many requests; default: 1, or 20 with a filter", "integer", flag="last"),
            "id": Argument("One request, by the beginning of its id", flag="id"),
            "failed": Argument("Only requests that failed", "boolean", flag="failed"),
            "slow": Argument("The slowest requests instead of the last ones", "boolean", flag="slow"),
            "since": Argument(f"Only requests since then: {SINCE}", flag="since"),
        },
    ),
    "cooldowns": Tool(("cooldowns",), "Which models and accounts are in cooldown, why, and for how long.", {}),
    "audit": Tool(
        ("audit",),
        "Whether live traffic kept the promises of the profile that served, and which outages there were.",
        {
            "since": Argument(f"Beginning: {SINCE}; default: 24h", flag="since"),
            "until": Argument("End, in the same forms; default: now", flag="until"),
            "profile": Argument("Only what this profile served", flag="profile"),
        },
    ),
    "events": Tool(
        ("events",),
        "The event log, oldest first: starts, crashes, switches, logins, budgets.",
        {
            "lines": Argument("How many; default: 20", "integer", flag="lines"),
            "service": Argument("Only of this service", flag="service"),
            "event": Argument("Only of this kind, such as profile_switch", flag="event"),
            "since": Argument(f"Only newer ones: {SINCE}", flag="since"),
        },
        document="lines",
    ),
    "profile_list": Tool(("profile", "list"), "The profiles of the config, and the active one.", {}),
    "profile_show": Tool(
        ("profile", "show"),
        "What a profile promises, and the settings that implement it.",
        {"name": Argument("The profile; default: the active one")},
    ),
    "profile_diff": Tool(
        ("profile", "diff"),
        "The differences between the settings of two profiles.",
        {"old": Argument("One profile", required=True), "new": Argument("The other", required=True)},
    ),
}
CHANGING: dict[str, Tool] = {
    "profile_set": Tool(
        ("profile", "set"),
        "Activate a profile; a running LiteLLM switches without dropping a request. The answer has the promises that "
        "end and begin and the difference of the settings. Call it with dry=true first, and show that to the user.",
        {
            "name": Argument("The profile", required=True),
            "dry": Argument("Only predict what would change", "boolean", flag="dry"),
        },
        changes=True,
        document="",
    ),
    "cooldown_clear": Tool(
        ("cooldowns",),
        "End the cooldown of a model or account. LiteLLM forgets its cooldowns by a new generation.",
        {"name": Argument("The model or account, as `cooldowns` names it", required=True, flag="clear")},
        changes=True,
    ),
    "service_restart": Tool(
        ("service", "restart"),
        "Restart services without cutting a request: LiteLLM by a hand-over, CLIProxyAPIPlus when it is idle.",
        {"service": Argument("Which one; default: all", choices=SERVICES)},
        changes=True,
        destructive=True,
        document="",
    ),
}


def tools(*, allow_changes: bool) -> dict[str, Tool]:
    """Return the tools by name.

    Args:
        allow_changes: With those that change something.
    """
    return {**READING, **(CHANGING if allow_changes else {})}


def lines_of(err: str) -> Sequence[str]:
    """Return what a command told a person, without what it says of its config.

    Args:
        err: Its error output.
    """
    return [line for line in err.splitlines() if line.strip() and not line.startswith("config: ")]

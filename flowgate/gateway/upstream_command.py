"""The command line of CLIProxyAPIPlus, as Go's `flag` package reads it: one dash or two, `-x V` or `-x=V`.

Source: the output of `-h` of 6.8.16-0, 7.2.101-1, 7.2.137-9 and CLIProxyAPI 7.2.140; `-password` is not shown there.
Go stops at the first word that is not a flag, and of a flag that is given twice the last one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError, UsageError, suggestion
from flowgate.gateway.serialization import absolute

if TYPE_CHECKING:
    from flowgate.domain import Config

NAME, EMBEDDED = "cliproxyapi_plus", "embedded-upstream"
PROGRAM = re.compile(rf"(cli-?proxy-?api(-?plus)?[-_.v0-9]*(\.exe)?|{EMBEDDED})", re.IGNORECASE)
OLDER, NEWER, FORK, MAINLINE = "6.8", "7.2", "7.2.137", "7.2.140"  # the recorded lines
LINES = (OLDER, NEWER, FORK, MAINLINE)
PLUS = (OLDER, NEWER, FORK)
# Flags that let the program log in and exit → the provider's name in FlowGate; empty: FlowGate has no such login.
LOGINS: dict[str, str] = {
    "login": "gemini",
    "codex-login": "codex",
    "codex-device-login": "codex",
    "claude-login": "claude",
    "qwen-login": "qwen",
    "iflow-login": "iflow",
    "iflow-cookie": "iflow",
    "antigravity-login": "antigravity",
    "kimi-login": "kimi",
    "github-copilot-login": "copilot",
    "kiro-login": "kiro",
    "kiro-google-login": "kiro",
    "kiro-aws-login": "kiro",
    "kiro-aws-authcode": "kiro",
    "kiro-idc-login": "kiro",
    "kiro-import": "",
    **dict.fromkeys(("kilo-login", "gitlab-login", "gitlab-token-login", "cursor-login", "cline-login"), ""),
    **dict.fromkeys(("codebuddy-login", "xai-login", "vertex-import"), ""),
}
LOGIN_OPTIONS = ("no-browser", "oauth-callback-port", "incognito", "no-incognito", "project_id", "vertex-import-prefix")
KIRO_OPTIONS = ("kiro-idc-flow", "kiro-idc-region", "kiro-idc-start-url")
REFUSED = {
    "password": "remove it: FlowGate passes its own management key in the environment (MANAGEMENT_PASSWORD), and with "
    "this flag the program ends after 10 s",
    "tui": "remove it: the program runs without a terminal",
    "standalone": "remove it: it belongs to -tui",
    "home-jwt": "remove it: the program would take its settings from another server instead of this config",
    "home-disable-cluster-discovery": "remove it: it belongs to -home-jwt",
}
VALUES = (
    *("config", "password", "oauth-callback-port", "project_id", "vertex-import", "vertex-import-prefix", "home-jwt"),
    *KIRO_OPTIONS,
)
EMBEDDED_VALUES, EMBEDDED_SWITCHES = ("contract", "callback-ports"), ("faults",)
BOOLEANS = ("1", "0", "t", "f", "T", "F", "true", "false", "TRUE", "FALSE", "True", "False")
# Flags that not every line has.
ONLY = {
    **dict.fromkeys(("codex-device-login", "xai-login", "vertex-import-prefix", "tui", "standalone"), LINES[1:]),
    **dict.fromkeys(("home-jwt", "home-disable-cluster-discovery", "local-model"), LINES[1:]),
    **dict.fromkeys(("kilo-login", "gitlab-login", "gitlab-token-login", "cursor-login", "cline-login"), (NEWER, FORK)),
    **dict.fromkeys(("codebuddy-login", "kiro-idc-login", *KIRO_OPTIONS), (NEWER, FORK)),
    **dict.fromkeys(("login", "iflow-login", "iflow-cookie", "github-copilot-login", "kiro-login"), PLUS),
    **dict.fromkeys(("kiro-google-login", "kiro-aws-login", "kiro-aws-authcode", "kiro-import"), PLUS),
    **dict.fromkeys(("incognito", "no-incognito", "project_id"), PLUS),
    "qwen-login": (OLDER,),
}
FLAGS = frozenset({*LOGINS, *LOGIN_OPTIONS, *KIRO_OPTIONS, *REFUSED, *VALUES, "local-model"})


@dataclass(slots=True)
class Command:
    """A parsed command line.

    Attributes:
        own_config: The user's own config file, absolute; None if no flag names one.
        config_place: `file:line` of the flag that names it.
        kept: The words behind the program, without those that name a config file.
        values: Flag → its value; "true" for a switch.
        faults: The errors, each with its line.
        notes: What has no effect or is not what it seems, one sentence each.
    """

    own_config: Path | None = None
    config_place: str = ""
    kept: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    faults: list[FlowGateError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_configured(config: Config) -> bool:
    """Return whether the gateway has a CLIProxyAPIPlus; without one, LiteLLM calls the providers itself."""
    return NAME in config.services


def flags_of(line: str) -> frozenset[str]:
    """Return the flags that a line of the program has."""
    return frozenset(name for name in FLAGS if line in ONLY.get(name, LINES))


def read(config: Config, line: str = "") -> Command:
    """Read the command line of the config.

    A program that is started by another one (`nice`, a script), or whose name is not known, may have words that
    FlowGate cannot judge: they are passed on.

    Args:
        config: The config.
        line: The line of the program that a start would run; empty if it is not known.

    Returns:
        The parsed command line; an empty one if the gateway has no CLIProxyAPIPlus.
    """
    if not is_configured(config):
        return Command()
    args = config.services[NAME].args
    programs = [number for number, word in enumerate(args) if PROGRAM.fullmatch(Path(word).name)]
    first = (programs[0] if programs else 0) + 1
    reader = _Reader(config, line, strict=bool(programs), kept=list(args[1:first]))
    reader.read(list(enumerate(args))[first:])
    return reader.found


class _Reader:
    def __init__(self, config: Config, line: str, *, strict: bool, kept: list[str]) -> None:
        self.config, self.line, self.strict = config, line, strict
        self.found = Command(kept=kept)
        self.embedded = Path(config.services[NAME].args[0]).name == EMBEDDED
        self.values = {*VALUES, *(EMBEDDED_VALUES if self.embedded else ())}
        self.known = {*FLAGS, *self.values, *(EMBEDDED_SWITCHES if self.embedded else ())}

    def read(self, words: list[tuple[int, str]]) -> None:
        left = iter(words)
        for number, word in left:
            if len(word) < 2 or not word.startswith("-") or word == "--":
                if self.strict:
                    self._stray(number, word)
                    return
                self.found.kept.append(word)
            else:
                self._flag(number, word, left)

    def _flag(self, number: int, word: str, left: Iterator[tuple[int, str]]) -> None:
        name, equals, value = word[2 if word.startswith("--") else 1 :].partition("=")
        if name not in self.known:
            self._unknown(number, word, name)
            return
        words = [word]
        if name in self.values and not equals:
            following = next(left, None)
            if following is None:
                self._fault(number, f"the flag {word} needs a value", "write it behind the flag")
                return
            value = following[1]
            words.append(value)
        elif name not in self.values and equals and value not in BOOLEANS:
            self._fault(number, f"'{value}' is no value for the switch -{name}", f"write -{name} alone")
        self._judge(number, name, value if name in self.values else value or "true", words)

    def _judge(self, number: int, name: str, value: str, words: list[str]) -> None:
        flag = words[0].partition("=")[0]  # its value may be a secret
        found, off = self.found, value in ("0", "f", "F", "false", "FALSE", "False")
        if name == "config":
            self._own_config(number, value)
        elif name in LOGINS and not off:
            self._fault(number, f"with {flag} the program logs in and ends, instead of serving", _login(name))
        elif name in REFUSED and not off:
            self._fault(number, f"{flag} does not work under FlowGate", REFUSED[name])
        elif self.line and name in FLAGS and name not in flags_of(self.line):
            self._fault(number, f"CLIProxyAPIPlus {self.line} has no flag {flag}", "remove it")
        else:
            found.kept += words
            found.values[name] = value
            if name in LOGIN_OPTIONS + KIRO_OPTIONS:
                found.notes.append(f"{self._place(number)}: {words[0]} has an effect on logins only, not on a server")

    def _own_config(self, number: int, value: str) -> None:
        if not value.strip():
            self._fault(number, "-config needs a file", "name your CLIProxyAPIPlus config, or remove the flag")
            return
        found, settings = self.found, self.config.services[NAME]
        if found.own_config:
            what = f"-config {found.own_config} has no effect: a later one replaces it"
            found.notes.append(f"{found.config_place}: {what}")
        found.own_config = absolute(settings.cwd or self.config.root, value)
        found.config_place = self._place(number)

    def _unknown(self, number: int, word: str, name: str) -> None:
        """Refuse a flag that the program would refuse; a program that is not recognised may have others."""
        if not self.strict:
            self.found.kept.append(word)
        elif not name or name.startswith("-"):
            self._fault(number, f"'{word}' is no flag", "a flag has one dash or two")
        else:
            fix = suggestion(name, sorted(self.known - set(LOGINS) - set(REFUSED)))
            self._fault(number, f"CLIProxyAPIPlus has no flag {word.partition('=')[0]}", fix)

    def _stray(self, number: int, word: str) -> None:
        what = f"CLIProxyAPIPlus ignores '{word}' and every word behind it: flags end at the first word that is none"
        self._fault(number, what, "remove it; write the value of a switch as -switch=false")

    def _fault(self, number: int, what: str, fix: str) -> None:
        self.found.faults.append(UsageError(what, fix=fix, place=self._place(number)))

    def _place(self, number: int) -> str:
        return self.config.place(f"services.{NAME}.command.args.{number}")


def _login(flag: str) -> str:
    provider = LOGINS[flag]
    if provider:
        return f"remove it, and log in with: inv auth.login {provider}"
    return "remove it, and run the program once by hand with this flag and the config .router/runtime/cliproxyapi.yaml"

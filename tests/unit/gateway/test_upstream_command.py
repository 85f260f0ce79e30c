"""The command line of CLIProxyAPIPlus, as Go's `flag` package reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import Config
from flowgate.gateway import upstream_command
from flowgate.gateway.upstream_command import Command

Make = Callable[..., Config]
PROGRAM = ".router/runtime/bin/CLIProxyAPIPlus"
PLACE = "services.cliproxyapi_plus.command.args"


def read(config: Config, *args: str, program: str = PROGRAM, line: str = "") -> Command:
    services = dict(config.services)
    services["cliproxyapi_plus"] = replace(services["cliproxyapi_plus"], args=(program, *args))
    places = {f"{PLACE}.{number}": f"f.yaml:{10 + number}" for number in range(9)}
    return upstream_command.read(replace(config, services=services, places=places), line)


@pytest.mark.parametrize("program", [PROGRAM, "/opt/my-proxy", "embedded-upstream", "/opt/cli-proxy-api-plus-6.8.16"])
@pytest.mark.parametrize(
    "args",
    [
        ("-config", "mine.yaml"),
        ("--config", "mine.yaml"),
        ("-config=mine.yaml",),
        ("--config=mine.yaml",),
        ("-no-browser", "-config=mine.yaml"),
        ("-config", "/elsewhere.yaml", "--config=mine.yaml"),
        ("--config=/elsewhere.yaml", "-config", "mine.yaml"),
        ("-config=./x/../mine.yaml",),
    ],
)
def test_every_form_names_the_users_own_config(config: Make, program: str, args: tuple[str, ...]) -> None:
    found = read(config(), *args, program=program)
    assert (found.own_config, found.faults) == (Path("/home/me/mine.yaml"), [])
    assert not any("config" in word for word in found.kept)


def test_an_earlier_config_that_has_no_effect_is_told(config: Make) -> None:
    found = read(config(), "-config=a.yaml", "-config", "b.yaml")
    assert found.notes == ["f.yaml:11: -config /home/me/a.yaml has no effect: a later one replaces it"]
    assert found.config_place == "f.yaml:12"


@pytest.mark.parametrize(
    ("args", "what", "line"),
    [
        (("-login",), "logs in and ends", 11),
        (("-no-browser", "--codex-login=true"), "logs in and ends", 12),
        (("-password", "s"), "does not work under FlowGate", 11),
        (("-tui",), "does not work under FlowGate", 11),
        (("-home-jwt=x",), "does not work under FlowGate", 11),
        (("serve",), "ignores 'serve'", 11),
        (("-no-browser", "false", "-config", "x"), "ignores 'false'", 12),
        (("--", "-config", "x"), "ignores '--'", 11),
        (("-",), "ignores '-'", 11),
        (("-config",), "needs a value", 11),
        (("-config=",), "needs a file", 11),
        (("---config=x",), "is no flag", 11),
        (("-confg=x",), "has no flag -confg", 11),
        (("-no-browser=perhaps",), "is no value for the switch", 11),
    ],
)
def test_a_flag_that_cannot_work_is_refused_with_its_line(
    config: Make, args: tuple[str, ...], what: str, line: int
) -> None:
    (fault,) = read(config(), *args).faults
    assert what in fault.what
    assert fault.place == f"f.yaml:{line}"
    assert fault.fix


def test_a_login_flag_names_the_command_that_replaces_it(config: Make) -> None:
    (fault,) = read(config(), "-github-copilot-login").faults
    assert fault.fix.endswith("inv auth.login copilot")


def test_a_misspelt_flag_gets_a_suggestion(config: Make) -> None:
    (fault,) = read(config(), "--local-modle").faults
    assert fault.fix == "did you mean 'local-model'?"


@pytest.mark.parametrize(("line", "faults"), [("", 0), ("7.2", 0), ("7.2.140", 0), ("6.8", 1)])
def test_a_flag_is_refused_if_the_version_lacks_it(config: Make, line: str, faults: int) -> None:
    found = read(config(), "-local-model", line=line)
    assert len(found.faults) == faults
    assert found.kept == ([] if faults else ["-local-model"])


def test_a_flag_that_concerns_logins_only_is_passed_on_and_told(config: Make) -> None:
    found = read(config(), "-no-browser", "-oauth-callback-port", "1500")
    assert found.kept == ["-no-browser", "-oauth-callback-port", "1500"]
    assert [note.split(": ")[1] for note in found.notes] == [
        "-no-browser has an effect on logins only, not on a server",
        "-oauth-callback-port has an effect on logins only, not on a server",
    ]


def test_a_switch_that_is_off_is_accepted(config: Make) -> None:
    assert read(config(), "-codex-login=false").faults == []


@pytest.mark.parametrize("program", ["python3", "nice"])
def test_the_words_of_another_program_in_front_are_passed_on(config: Make, program: str) -> None:
    found = read(config(), "-n", "5", PROGRAM, "-config=mine.yaml", "-local-model", program=program)
    assert found.kept == ["-n", "5", PROGRAM, "-local-model"]
    assert found.own_config == Path("/home/me/mine.yaml")


def test_words_of_an_unknown_program_are_passed_on(config: Make) -> None:
    found = read(config(), "fake.py", "--port", "1", "-config", "mine.yaml", program="python3")
    assert (found.kept, found.faults) == (["fake.py", "--port", "1"], [])
    assert read(config(), "fake.py", "-login", program="python3").faults


def test_the_embedded_upstream_has_flags_of_its_own(config: Make) -> None:
    assert read(config(), "--contract=7.2", program="embedded-upstream").values == {"contract": "7.2"}
    assert read(config(), "--contract=7.2").faults


def test_each_line_has_the_flags_of_its_help_and_the_hidden_one() -> None:
    counts = {line: len(upstream_command.flags_of(line)) for line in upstream_command.LINES}
    assert counts == {"6.8": 22, "7.2": 39, "7.2.137": 39, "7.2.140": 17}

"""Mutated configs, values as well as structure: a known exit code, no traceback, an answer within seconds."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, CONFIG, Workspace

EXAMPLES = sorted((CHECKOUT / "config" / "examples").glob("*.yaml"))
SETTINGS = """
  litellm_settings: {request_timeout: 30, num_retries: 2, drop_params: true}
  general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
  router_settings:
    model_group_alias: {fast: router-cheap}
    fallbacks: [{router-default: [router-cheap]}]
    retry_policy: {TimeoutErrorRetries: 1}
    allowed_fails: 2
    cooldown_time: 5
    timeout: 20
profiles:"""
PORTS = {"litellm_port": 4000, "upstream_port": 8317, "litellm": "[python3]", "upstream": "[python3]"}
REALISTIC = CONFIG.format(**PORTS).replace("\nprofiles:", SETTINGS)
VALUES = ["''", "null", "true", "-1", "0", "1.5", ".nan", ".inf", "1e999", "9" * 400, "'3'", "1m", "ten", "[]", "{}"]
VALUES += ["os.environ/TRIES", "os.env/KEY", "[[[1]]]", "{a: {b: [c]}}", "é", "'\u202e'", '"\\0"', '"\\e[2J"']
VALUES += ["!!python/object:os.system x", "!vault x", "&a [*a]", "*nope", "2026-99-99", "0x1F", "1_000", "*", "'*'"]
VALUES += ["/dev/null", "../..", "[1, '1', 1]", "{1: 2, true: 3, null: 4}", '"\\ud800"', "x" * 5000, "<<", "!!binary x"]
COMMANDS = [["profile", "show"], ["profile", "show", "--json"], ["doctor"], ["play", "up", "--check"]]
CODES = {0, 1, 2, 3, 130}
SAMPLE, LONG = 40, 2000


def mutated(seed: int) -> str:
    """Return the text of one mutated config; the same for the same seed."""
    chosen = random.Random(seed)  # noqa: S311 - reproducible, not secret
    lines = chosen.choice([REALISTIC, REALISTIC, *(path.read_text("utf-8") for path in EXAMPLES)]).split("\n")
    for _ in range(chosen.randrange(1, 4)):
        change = chosen.choice([replace_value, replace_value, replace_value, change_line])
        change(chosen, lines)
    return chosen.choice(["", "", "", "", "\ufeff"]) + chosen.choice(["\n"] * 5 + ["\r\n"]).join(lines)


def replace_value(chosen: random.Random, lines: list[str]) -> None:
    """Give one key another value."""
    places = [at for at, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("#")]
    if places:
        at = chosen.choice(places)
        lines[at] = f"{lines[at].partition(':')[0]}: {chosen.choice(VALUES)}"


def change_line(chosen: random.Random, lines: list[str]) -> None:
    """Remove, double, move, rename, indent or break one line."""
    at = chosen.randrange(len(lines))
    line = lines.pop(at)
    moved = chosen.randrange(len(lines) + 1)
    kinds = {
        0: [],
        1: [line, line],
        2: ["  " + line],
        3: [line.lstrip()],
        4: ["\t" + line],
        5: [line.replace("e", "", 1)],
    }
    kinds |= {
        6: [line + "{["],
        7: [line, "[" * 300],
        8: [line.replace(":", "", 1)],
        9: [line + "\x07"],
        10: ["---", line],
    }
    kind = chosen.randrange(12)
    if kind == 11:
        lines.insert(moved, line)
    else:
        lines[at:at] = kinds[kind]


def run(place: Workspace, seed: int) -> None:
    """Judge one mutated config with one command, and check how it ends."""
    place.config.write_text(mutated(seed), "utf-8", newline="")
    words = COMMANDS[seed % len(COMMANDS)]
    argv = [sys.executable, "-c", "from flowgate.cli.main import main; main()", *words]
    settings = {"cwd": CHECKOUT, "env": place.environment(), "stdin": subprocess.DEVNULL}
    done = subprocess.run(argv, **settings, capture_output=True, timeout=10, check=False)  # type: ignore[call-overload]
    printed = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode in CODES, f"seed {seed}, {words}: {done.returncode}\n{printed}"
    assert "Traceback" not in printed, f"seed {seed}, {words}\n{printed}"
    assert "a bug in FlowGate" not in printed, f"seed {seed}, {words}\n{printed}"


@pytest.mark.parametrize("seed", range(SAMPLE))
def test_a_sample_of_mutated_configs(workspace: Workspace, seed: int) -> None:
    run(workspace, seed)


@pytest.mark.long
@pytest.mark.parametrize("first", range(SAMPLE, LONG, 98))
def test_many_mutated_configs(workspace: Workspace, first: int) -> None:
    for seed in range(first, min(first + 98, LONG)):
        run(workspace, seed)

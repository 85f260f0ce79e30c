"""Mutated configs, values and structure: known exit codes, no traceback, errors with a place, answers in time."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowgate.cli.main import run
from flowgate.system.deadline import deadline
from tests.mutations import CONFIGS, UPSTREAM, mutated

CHEAP = [["profile", "show"], ["profile", "list", "--json"], ["status", "--json"], ["play", "up", "--check"]]
FURTHER = [["doctor"], ["security", "check"], ["profile", "diff", "cost", "balanced"], ["doctor", "--json"]]
CODES = {0, 1, 2, 3, 130}
LONGEST_SECONDS = 10.0
SAMPLE, LONG, CHUNK = 24, 2000, 98
PLACE = re.compile(r"(flowgate|cliproxyapi)\.yaml:\d+")
INTERNAL = re.compile(r"Traceback|a bug in FlowGate|<class '|object at 0x|NoneType|(Key|Type|Value|Attribute)Error")


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    words: list[str]
    code: int
    seconds: float
    out: str
    err: str


def run_command(words: list[str]) -> Ended:
    """Run one command in this process; once more if it was slow, because the machine may have been busy."""
    ended = run_once(words)
    return run_once(words) if ended.seconds > LONGEST_SECONDS else ended


def run_once(words: list[str]) -> Ended:
    out, err, began = io.StringIO(), io.StringIO(), time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), deadline(LONGEST_SECONDS * 6):
        code = run(words)
    return Ended(words, code, time.monotonic() - began, out.getvalue(), err.getvalue())


def files_of(folder: Path) -> set[str]:
    return {f"{path} {path.lstat().st_mtime_ns}" for path in folder.rglob("*")}


def problems(ended: Ended) -> list[str]:
    """Return what is wrong with how a command ended."""
    printed = ended.out + ended.err
    found = [] if ended.code in CODES else [f"exit code {ended.code}"]
    found += [f"prints {one[0]!r}" for one in [INTERNAL.search(printed)] if one]
    found += [f"took {ended.seconds:.1f} s"] if ended.seconds > LONGEST_SECONDS else []
    if ended.code == 2:
        found += [f"no place: {line[:200]}" for line in errors(ended.err) if not PLACE.search(line)]
    if "--json" in ended.words and ended.code < 2:
        json.loads(ended.out)
    return found


def errors(text: str) -> list[str]:
    """Return the sentence of each error, with its place."""
    lines = text.splitlines()
    single = [line for line in lines if line.startswith("error: ")]
    failed = [" ".join(lines[at : at + 3]) for at, line in enumerate(lines) if line.startswith("! ")]
    listed = [line for line in lines if re.match(r"  [/\w]", line) and not re.match(r"  (fix|task|at)\b", line)]
    return listed or single or failed or ["no error is printed"]


def write(folder: Path, config: str, upstream: str) -> None:
    (folder / "flowgate.yaml").write_text(config, "utf-8", errors="surrogatepass", newline="")
    (folder / "tally.py").write_text("counter = None\n")
    (folder / "cliproxyapi.yaml").write_text(upstream, "utf-8", errors="surrogatepass", newline="")


def judge(folder: Path, seed: int) -> list[str]:
    """Judge one mutated config with several commands; return what is wrong."""
    write(folder, *mutated(seed))
    before = files_of(folder)
    ended = [run_command(words) for words in [*CHEAP, FURTHER[seed % len(FURTHER)]]]
    found = [f"seed {seed}, {' '.join(one.words)}: {what}" for one in ended for what in problems(one)]
    up, last = ended[3], ended[4]
    if last.words[0] == "doctor" and up.code == 2 and last.code == 0:
        found.append(f"seed {seed}: doctor passes, up refuses: {up.err[-400:]}")
    return found + [f"seed {seed}: {path} is new or changed" for path in files_of(folder) ^ before]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a config, which the commands of this process use."""
    monkeypatch.setattr(sys, "argv", ["flowgate"])
    for name in ("home", "config"):
        (tmp_path / name).mkdir()
    variables = {"HOME": str(tmp_path / "home"), "FLOWGATE_CONFIG": str(tmp_path / "config" / "flowgate.yaml")}
    variables["ANTHROPIC_API_KEY"] = "sk-ant-test"
    for name in os.environ.keys() - {"PATH", "LANG"}:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "config"


@pytest.mark.parametrize("config", dict.fromkeys(CONFIGS))
def test_the_configs_are_accepted_before_they_are_mutated(folder: Path, config: str) -> None:
    write(folder, config, UPSTREAM)
    assert run_command(["profile", "show"]).code == 0


@pytest.mark.parametrize("seed", range(SAMPLE))
def test_a_sample_of_mutated_configs(folder: Path, seed: int) -> None:
    assert judge(folder, seed) == []


@pytest.mark.long
@pytest.mark.parametrize("first", range(SAMPLE, LONG, CHUNK))
def test_many_mutated_configs(folder: Path, first: int) -> None:
    found = [judge(folder, seed) for seed in range(first, min(first + CHUNK, LONG))]
    assert [what for one in found for what in one] == []

"""The programs that are tested against the recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_port
from tests.contract.subject import REAL, Subject, embedded, real

VENDOR_PORTS = {"codex": 1455, "anthropic": 54545}


@dataclass(frozen=True)
class Candidate:
    """A program to test.

    Attributes:
        name: "embedded" or "real".
        contract: "6.8", "7.2", "7.2.137" or "7.2.140".
        begin: Starts it with config values, with `_` for `-`.
    """

    name: str
    contract: str
    begin: Callable[..., Subject]

    @property
    def newer(self) -> bool:
        return self.contract != "6.8"


@pytest.fixture(scope="module", params=["embedded-6.8", "embedded-7.2", "embedded-7.2.137", "embedded-7.2.140", "real"])
def candidate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Candidate]:
    """Each program in turn; all its runs are stopped afterwards."""
    name, _, contract = request.param.partition("-")
    found = real()
    if name == "real" and found is None:
        pytest.skip(f"{REAL} names no real CLIProxyAPIPlus")
    running: list[Subject] = []

    def begin(env: dict[str, str] | None = None, **overrides: Any) -> Subject:
        root: Path = tmp_path_factory.mktemp("subject")
        if name == "real" and found:
            program: tuple[str, ...] = (found[0],)
            ports = VENDOR_PORTS
        else:
            ports = {one: free_port() for one in VENDOR_PORTS}
            program = embedded(contract, ports)
        subject = Subject(program, root, ports, {k.replace("_", "-"): v for k, v in overrides.items()}, env or {})
        running.append(subject)
        return subject.start()

    yield Candidate(name, contract or (found[1] if found else ""), begin)
    for subject in running:
        subject.stop()

"""Keys that a program writes into its log are hidden by the supervisor."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from flowgate.domain import Program, Secret
from flowgate.supervisor.client import SupervisorClient
from flowgate.system.clock import Clock, poll
from tests.unit.supervisor.conftest import SERVER

LEAK = """
import os
print("401 for", os.environ["MANAGEMENT_PASSWORD"], "and for sk-client-0123456789 at", os.environ["PLACE"], flush=True)
"""


def test_a_key_in_the_log_of_a_program_is_hidden(
    supervisor: SupervisorClient, runtime: Path, program: Callable[..., Program]
) -> None:
    env = {"PATH": os.environ["PATH"], "MANAGEMENT_PASSWORD": "management-canary", "PLACE": "some-long-place"}
    leaking = program(LEAK + SERVER, env={name: Secret(value) for name, value in env.items()})
    supervisor.start(leaking)
    hidden = "401 for ***************** and for sk-***************** at some-long-place\n"
    assert poll(lambda: leaking.log.exists() and leaking.log.read_text() == hidden, Clock(), every=0.05, timeout=60)
    supervisor.stop(["own"])

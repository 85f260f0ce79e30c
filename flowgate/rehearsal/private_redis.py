"""The Redis server of a rehearsal of several gateways: it keeps nothing on disk, and only this machine reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowgate.domain import Program, Secret
from flowgate.gateway.serialization import name_program
from flowgate.rehearsal.config import LOOPBACK, STOP_GRACE_SECONDS

NAME = "redis"
IN_MEMORY = ("--save", "", "--appendonly", "no", "--daemonize", "no")
READY_SECONDS = 30.0


def program(folder: Path, server: Path, port: int, scenario: str, env: Mapping[str, Secret]) -> Program:
    """Describe the Redis server of one scenario.

    Args:
        folder: Folder of its log and working folder.
        server: The program.
        port: A free port.
        scenario: Name of the scenario.
        env: Its environment.
    """
    service = f"{NAME}-{scenario}"
    argv = (str(server), "--port", str(port), "--bind", LOOPBACK, *IN_MEMORY)
    return Program(
        service=service,
        argv=argv,
        cwd=folder / "work" / service,
        env=env,
        app=None,
        host=LOOPBACK,
        port=port,
        readiness_path="",  # it does not speak HTTP
        log=folder / "process-logs" / f"{service}.log",
        documents=(),
        labels={},
        digest=name_program(argv, (LOOPBACK, port), "", {}, {}),
        ready_timeout=READY_SECONDS,
        stop_grace=STOP_GRACE_SECONDS,
        restart="never",
    )

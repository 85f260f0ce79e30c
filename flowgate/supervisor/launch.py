"""Start the process of a generation."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from flowgate.domain import Program
from flowgate.errors import FlowGateError
from flowgate.supervisor.orphans import GenerationRecord
from flowgate.supervisor.program_tree import to_tree
from flowgate.supervisor.protocol import GENERATION_VARIABLE, encode
from flowgate.supervisor.worker_client import control_path
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import files, processes, sockets
from flowgate.system.processes import Identity

Fork = Callable[[Program, Collection[int], Mapping[str, str]], Identity | None]


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts processes for one supervisor.

    Attributes:
        folder: Where records and control sockets are.
        public_listener: Returns the public listener of an app's program.
        fork: Forks a worker; returns None when the worker has to be started as a process of its own.
    """

    folder: Path
    public_listener: Callable[[Program], socket.socket]
    fork: Fork

    def launch(self, program: Program, number: int, now: float) -> WorkerProcess:
        """Start a program as a new generation.

        Args:
            program: The program.
            number: Number of the generation.
            now: The time by the supervisor's clock.

        Raises:
            ProgramMissing: The program is absent or cannot be executed.
            DiskError: A folder, a document or the record cannot be written.
        """
        files.make_private_folder(program.cwd)
        files.make_private_folder(program.log.parent)
        for path, text in program.documents:
            if files.read_text_or_none(path) is None:  # deleted while the service ran; the program needs it
                files.write_atomic(path, text)
        env = {name: value.reveal() for name, value in program.env.items()} | {GENERATION_VARIABLE: str(number)}
        worker = (
            self._launch_app(program, number, env, now)
            if program.app is not None
            else self._launch_program(program, number, env, now)
        )
        files.write_atomic(worker.record, json.dumps(_record(worker)))
        return worker

    def _launch_program(self, program: Program, number: int, env: dict[str, str], now: float) -> WorkerProcess:
        process = processes.spawn(program.argv, cwd=program.cwd, env=env, output=program.log)
        address = (program.host, program.port)
        return WorkerProcess(program, number, process, _identify(process), now, address, self._path(program, number))

    def _launch_app(self, program: Program, number: int, env: dict[str, str], now: float) -> WorkerProcess:
        path = control_path(self.folder, program.service, number)
        public = self.public_listener(program)
        with sockets.listen_unix(path) as listener, sockets.listen("127.0.0.1", 0) as private:
            fds = (listener.fileno(), private.fileno(), public.fileno())
            identity, process = self.fork(program, fds, env), None
            if identity is None:
                argv = (*program.argv, "--fds", ",".join(map(str, fds)), "--app", program.app or "")
                process = processes.spawn(argv, cwd=program.cwd, env=env, output=program.log, pass_fds=fds)
                identity = _identify(process)
            address = private.getsockname()[:2]
            control = sockets.connect_unix(path, 1.0)  # waits in the queue until the worker has imported its app
        if control is None:
            processes.signal_tree([identity], signal.SIGKILL)
            raise FlowGateError(f"the control socket {path} of {program.service} could not be reached")
        control.sendall(encode({"do": "set_program", "program": to_tree(program, secrets=True)}))
        control.setblocking(False)
        return WorkerProcess(program, number, process, identity, now, address, self._path(program, number), control)

    def _path(self, program: Program, number: int) -> Path:
        return self.folder / f"{program.service}-{number}.json"


def _identify(process: subprocess.Popen[bytes]) -> Identity:
    """Identify a process; one that has ended already is not reaped yet, so it can be identified."""
    return processes.identify(process.pid) or Identity(process.pid, 0)


def _record(worker: WorkerProcess) -> GenerationRecord:
    return {
        **to_tree(worker.program, secrets=False),
        "number": worker.number,
        "pid": worker.identity.pid,
        "ticks": worker.identity.ticks,
        "private_address": list(worker.private_address),
        "names": sorted(worker.program.env),
        "paths": [str(path) for path, _ in worker.program.documents],
    }

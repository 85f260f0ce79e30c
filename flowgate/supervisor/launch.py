"""Start the process of a generation, and record it before it does anything.

A process is recorded while it still waits: before it executes its program, or before a forked worker gets its
settings. One that cannot be recorded is killed, and one whose supervisor ends before the record goes away by itself.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowgate.domain import Program
from flowgate.errors import FlowGateError
from flowgate.supervisor import shared_folder
from flowgate.supervisor.fork_channel import Record
from flowgate.supervisor.orphans import GenerationRecord
from flowgate.supervisor.program_tree import to_tree
from flowgate.supervisor.protocol import GENERATION_VARIABLE, WORKER_VARIABLE
from flowgate.supervisor.worker_client import control_path, stem
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import files, held_spawn, sockets
from flowgate.system.processes import Identity

Fork = Callable[[Program, Collection[int], Mapping[str, str], Record], Identity | None]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is known of a worker before it has a process.

    Attributes:
        record: Its record.
        index: Which of the workers of its generation it is.
        now: The time by the supervisor's clock.
    """

    record: Path
    index: int
    now: float


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

    def launch(self, program: Program, number: int, index: int, now: float) -> WorkerProcess:
        """Start a process of a generation.

        Args:
            program: The program.
            number: Number of the generation.
            index: Which of its workers this is.
            now: The time by the supervisor's clock.

        Raises:
            ProgramMissing: The program is absent or cannot be executed.
            DiskError: A folder, a document or the record cannot be written. Nothing runs.
        """
        files.make_private_folder(program.cwd)
        files.make_private_folder(program.log.parent)
        for path, text in program.documents:
            if files.read_text_or_none(path) is None:  # deleted while the service ran; the program needs it
                files.write_atomic(path, text)
        env = {name: value.reveal() for name, value in program.env.items()} | {GENERATION_VARIABLE: str(number)}
        if program.app is not None and program.workers > 1:
            shared = shared_folder.create(self.folder, program.service, number)
            env[WORKER_VARIABLE] = f"{index} {shared}"
        launch = self._launch_program if program.app is None else self._launch_app
        record = self.folder / f"{stem(program.service, number, index)}.json"
        try:
            return launch(program, number, env, Newcomer(record, index, now))
        except BaseException:
            files.discard(record)
            raise

    def _launch_program(self, program: Program, number: int, env: dict[str, str], new: Newcomer) -> WorkerProcess:
        def record(identity: Identity) -> WorkerProcess:
            address = (program.host, program.port)
            worker = WorkerProcess(program, number, identity, new.now, address, new.record)
            files.write_atomic(new.record, json.dumps(_record(worker)))
            return worker

        return self._spawn(program.argv, program, env, (), record)

    def _launch_app(self, program: Program, number: int, env: dict[str, str], new: Newcomer) -> WorkerProcess:
        path = control_path(self.folder, program.service, number, new.index)
        public = self.public_listener(program)
        with sockets.listen_unix(path) as listener, sockets.listen("127.0.0.1", 0) as private:
            control = sockets.connect_unix(path, 1.0)  # waits in the queue until the worker has imported its app
            if control is None:
                raise FlowGateError(f"the control socket {path} of {program.service} could not be reached")

            def record(identity: Identity) -> WorkerProcess:
                address = private.getsockname()[:2]
                worker = WorkerProcess(program, number, identity, new.now, address, new.record, control, new.index)
                files.write_atomic(new.record, json.dumps(_record(worker)))
                return worker

            fds = (listener.fileno(), private.fileno(), public.fileno())
            try:
                worker = self._fork_or_spawn(program, env, fds, record)
            except BaseException:
                control.close()
                files.discard(path)
                raise
        control.setblocking(False)
        worker.send({"do": "set_program", "program": to_tree(program, secrets=True)})
        return worker

    def _fork_or_spawn(
        self,
        program: Program,
        env: dict[str, str],
        fds: tuple[int, ...],
        record: Callable[[Identity], WorkerProcess],
    ) -> WorkerProcess:
        forked: list[WorkerProcess] = []
        if self.fork(program, fds, env, lambda identity: forked.append(record(identity))) is not None:
            forked[-1].is_forked = True
            return forked[-1]
        argv = (*program.argv, "--fds", ",".join(map(str, fds)), "--app", program.app or "")
        return self._spawn(argv, program, env, fds, record)

    @staticmethod
    def _spawn(
        argv: Sequence[str],
        program: Program,
        env: dict[str, str],
        fds: tuple[int, ...],
        record: Callable[[Identity], WorkerProcess],
    ) -> WorkerProcess:
        """Start a process, record it, then let it execute its program."""
        held = held_spawn.hold(argv, cwd=program.cwd, env=env, output=program.log, pass_fds=fds)
        try:
            worker = record(held.identity)
        except BaseException:
            held.discard()
            raise
        held.release()
        return worker


def _record(worker: WorkerProcess) -> GenerationRecord:
    return {
        **to_tree(worker.program, secrets=False),
        "number": worker.number,
        "worker": worker.index,
        "pid": worker.identity.pid,
        "ticks": worker.identity.ticks,
        "private_address": list(worker.private_address),
        "names": sorted(worker.program.env),
        "paths": [str(path) for path, _ in worker.program.documents],
    }

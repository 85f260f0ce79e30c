"""The lock of the runtime folder during a run; a step that waits for a person gives it back meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from flowgate.cli import console
from flowgate.cli.requests import RunRequest
from flowgate.cli.session import Session
from flowgate.errors import DiskError
from flowgate.supervisor import replaced_files
from flowgate.system import files
from flowgate.system.clock import Clock
from flowgate.system.disk_errors import is_full

LOCK_SECONDS = 900.0


class RuntimeLock:
    """The lock of a run that changes its runtime folder.

    Args:
        session: Config and supervisor of this command.
        request: What is run.
    """

    def __init__(self, session: Session, request: RunRequest) -> None:
        self._session, self._request = session, request
        self._held = ExitStack()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock during the body, where the run changes the folder.

        Raises:
            LockTimeout: Another command changes the folder for too long.
        """
        if self._request.check:
            yield
            return
        try:
            self._take()
            self._session.supervisor.recover()
            self._put_back()
            try:
                yield
            finally:
                self._session.supervisor.close()
        finally:
            self._held.close()

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Let other commands change the folder during the body. What this run has started is kept: they may use it.

        Raises:
            LockTimeout: Another command changes the folder for too long after the body.
        """
        if self._request.check or not self._request.exclusive:
            yield
            return
        self._session.supervisor.finish(keep=True)
        files.delete([replaced_files.place(self._session.config.paths.runtime_dir)])
        self._held.close()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        if not self._request.exclusive:
            return

        def on_wait(holder: str) -> None:
            console.note(f"waiting for {holder}, which is changing this runtime folder")

        path = self._session.config.paths.runtime_dir / replaced_files.LOCK
        what = self._request.playbook
        lock = files.exclusive_lock(path, what, clock=Clock(), timeout=LOCK_SECONDS, on_wait=on_wait)
        try:
            self._held.enter_context(lock)
        except DiskError as error:
            # A full disk must not keep `down` from saying that nothing runs.
            if self._request.playbook != "down" or not is_full(error) or self._anything_runs():
                raise

    def _put_back(self) -> None:
        """Write back what a killed command has replaced, where the supervisor has not done that yet."""
        runtime = self._session.config.paths.runtime_dir
        if not self._request.exclusive or not files.is_there(replaced_files.place(runtime)):
            return
        status = self._session.supervisor.status()
        found = replaced_files.put_back(runtime, partial(replaced_files.serving_digest, status))
        if found:
            names = ", ".join(path.name for path in found)
            console.note(f"note: an earlier command was killed: wrote {names} back, as what serves needs it")

    def _anything_runs(self) -> bool:
        return any(one["generations"] for one in self._session.supervisor.status()["services"].values())

"""A real systemd for one test, of a user or of the whole system, in namespaces of its own that end with it.

It needs root, and a cgroup2 file system somewhere. It reads only its own units: those of the user who runs the tests
would be started too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import psutil

from tests.conftest import CHECKOUT, Workspace, wait

SYSTEMD = next((one for one in ("/lib/systemd/systemd", "/usr/lib/systemd/systemd") if Path(one).is_file()), "")
TARGETS = ("basic", "default", "shutdown", "exit")
BEGIN = """
set -e
echo $$ > "$GROUP/cgroup.procs"
exec unshare --cgroup --mount --pid --fork --kill-child --mount-proc --propagation private sh -ec '
    mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system
    umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
    "$0" --user --unit=default.target --log-target=console --show-status=no &
    wait $!
' "$0"
"""


# It is process 1. Of /etc only the folder of units is writable, and that is the test's own; the host keeps its name.
BOOT = """
set -e
echo $$ > "$GROUP/cgroup.procs"
exec unshare --cgroup --mount --pid --uts --fork --kill-child --mount-proc --propagation private sh -ec '
    mount -t tmpfs tmpfs /run
    mount --bind /etc /etc && mount -o remount,bind,ro /etc && mount --bind "$UNITS" /etc/systemd/system
    umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
    exec "$0" --system --unit=multi-user.target --log-target=console --show-status=no
' "$0"
"""


class UserManager:
    """The user's service manager of one workspace.

    Attributes:
        inside: The words that run a command where the manager is.
    """

    systemctl_words: tuple[str, ...] = ("systemctl", "--user")
    script: str = BEGIN
    targets: tuple[str, ...] = TARGETS

    def __init__(self, workspace: Workspace) -> None:
        """Describe it; `start` starts it."""
        self._workspace, self.inside = workspace, tuple[str, ...]()
        self._folder = workspace.folder / "m"
        self._group, self._variables = Path(), dict[str, str]()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start it; return why that is not possible here, or an empty text."""
        reason = self._missing()
        if reason:
            return reason
        units = self._folder / "units"
        units.mkdir(parents=True)
        (self._folder / "run").mkdir(mode=0o700)
        for name in self.targets:
            (units / f"{name}.target").write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n")
        self._variables = self._make_variables(units)
        return self._begin()

    def _make_variables(self, units: Path) -> dict[str, str]:
        """Return the variables of the manager, whose targets are in a folder."""
        own = self._workspace.folder / "home" / ".config" / "systemd" / "user"
        self._workspace.variables |= {"XDG_RUNTIME_DIR": str(self._folder / "run")}
        return {**self._workspace.environment(), "SYSTEMD_UNIT_PATH": f"{own}:{units}"}

    def _begin(self) -> str:
        variables = self._variables | {"GROUP": str(self._group)}
        with (self._folder / "log").open("w") as log:
            self._process = subprocess.Popen(["sh", "-c", self.script, SYSTEMD], env=variables, stdout=log, stderr=log)
        with contextlib.suppress(ChildProcessError, psutil.NoSuchProcess):
            if wait(self._answers, 20.0):
                return ""
        log_text = (self._folder / "log").read_text()
        return f"no systemd runs here: {log_text.strip()[-200:] or 'it says nothing'}"

    def _missing(self) -> str:
        absent = [one for one in ("unshare", "nsenter", "systemctl") if shutil.which(one) is None]
        if absent or not SYSTEMD:
            return f"not installed: {', '.join(absent or ['systemd'])}"
        try:
            group = _own_group() / f"flowgate-test-{os.getpid()}"
            group.mkdir()
            self._group = group
        except (OSError, StopIteration) as error:
            return f"no control group can be made: {error}"
        return ""

    def _answers(self) -> bool:
        """Return whether it answers; raise an error if it has ended."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise ChildProcessError
        first = next(iter(psutil.Process(self._process.pid).children()), None)
        if first is None:
            return False
        self.inside = ("nsenter", "-t", str(first.pid), "-p", "-m", "-C", "--", "env", "-C", str(CHECKOUT))
        return self.systemctl("show", "--property=Version", check=False).startswith("Version=")

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Run a command of the manager, and return what it prints."""
        argv = [*self.inside, *self.systemctl_words, *words]
        done = subprocess.run(
            argv, capture_output=True, text=True, env=self._workspace.environment(), timeout=120, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def show(self, name: str, service: str = "flowgate") -> str:
        """Return a property of a service."""
        return self.systemctl("show", "--value", f"--property={name}", f"{service}.service").strip()

    def log(self) -> str:
        """Return what the manager has said."""
        return (self._folder / "log").read_text()

    def stop(self) -> None:
        """End it, and everything that it runs, at once."""
        self._kill()
        wait(self._removed, 10.0)

    def _kill(self) -> None:
        if self._process is not None:
            for one in psutil.Process(self._process.pid).children() if self._process.poll() is None else ():
                with contextlib.suppress(psutil.Error):
                    one.kill()
            self._process.kill()
            self._process.wait()

    def _removed(self) -> bool:
        for folder, _, _ in os.walk(self._group, topdown=False) if self._group.name else ():
            with contextlib.suppress(OSError):  # its last process is ending
                Path(folder).rmdir()
        return not (self._group.name and self._group.is_dir())


class SystemManager(UserManager):
    """The service manager of a machine, process 1 of its own.

    Attributes:
        units: What is /etc/systemd/system for it; it stays when the machine is switched off.
    """

    systemctl_words = ("systemctl",)
    script = BOOT
    targets = ("basic", "sysinit", "multi-user", "network-online", "shutdown")

    def __init__(self, workspace: Workspace) -> None:
        """Describe it; `start` starts it."""
        super().__init__(workspace)
        self.units = self._folder / "etc"

    def _make_variables(self, units: Path) -> dict[str, str]:
        self.units.mkdir()
        (units / "multi-user.target").write_text("[Unit]\nRequires=basic.target\nAfter=basic.target\n")
        return {
            "PATH": os.environ["PATH"],
            "container": "test",  # it leaves the kernel's settings alone
            "UNITS": str(self.units),
            "SYSTEMD_UNIT_PATH": f"/etc/systemd/system:{units}",
            "SYSTEMD_GENERATOR_PATH": str(self._folder / "none"),
        }

    def cut_power(self) -> None:
        """Kill everything at once, and boot again."""
        self._kill()
        reason = self._begin()
        assert not reason, reason

    def shut_down(self) -> None:
        """Stop all services as before a shutdown."""
        self.systemctl("start", "shutdown.target")


def _own_group() -> Path:
    """Return the folder of this process's control group of version 2."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), "/absent")
    own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    return Path(root + own.removeprefix("0::"))

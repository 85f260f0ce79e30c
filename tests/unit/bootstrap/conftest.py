"""Fixtures for installing CLIProxyAPIPlus from a release server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from flowgate.context import StepContext
from flowgate.domain import BootstrapSettings
from flowgate.errors import FlowGateError, MultipleErrors
from flowgate.gateway import release_assets
from flowgate.steps.install_upstream import install_upstream
from flowgate.steps.roll_back_upstream import roll_back_upstream
from flowgate.system import sandboxed_run
from flowgate.system.clock import Clock
from tests.unit.bootstrap.releases import Releases, program, serving
from tests.unit.bootstrap.releases import release as packed
from tests.unit.steps.conftest import Stage

OLD = "6.0.0-0-plus"
PLATFORM = release_assets.platform_name(*sandboxed_run.machine())


@dataclass
class InstallStage(Stage):
    """A stage whose steps use the release server instead of GitHub, and do not sleep."""

    waits: list[float] = field(default_factory=list)
    shown: list[tuple[str, int, int | None]] = field(default_factory=list)
    server: Releases = field(default_factory=Releases)
    now: Callable[[], float] = field(default_factory=lambda: Clock().now)

    @property
    def bin(self) -> Path:
        return self.runtime / "bin"

    def sleep(self, seconds: float) -> None:
        """Sleep for a program, but only record the waits for a server."""
        if seconds < 0.3:
            Clock().sleep(seconds)
        else:
            self.waits.append(seconds)

    def context(self, profile: str = "balanced") -> StepContext:
        clock = Clock(now=self.now, sleep=self.sleep)
        shown = lambda name, done, total: self.shown.append((name, done, total))  # noqa: E731
        return replace(super().context(profile), clock=clock, progress=shown)

    def bootstrap(self, **settings: Any) -> InstallStage:
        """Add a `bootstrap` section to the config."""
        places = {**self.config.places, "bootstrap.repo": f"{self.config.file}:1"}
        self.config = replace(self.config, bootstrap=BootstrapSettings(**settings), places=places)
        return self

    def install(self, **params: Any) -> tuple[str, dict[str, Any]]:
        return self.apply(install_upstream, **params)

    def roll_back(self) -> dict[str, Any]:
        return self.apply(roll_back_upstream)[1]

    def local_file(self, data: bytes | None = None, name: str = "own.tar.gz") -> str:
        """Write a local file."""
        path = self.folder / name
        path.write_bytes(packed() if data is None else data)
        return str(path)

    def install_old(self) -> InstallStage:
        """Install an older program."""
        self.install(from_file=self.local_file(packed(program(OLD)), "old.tar.gz"), allow_unverified=True)
        return self

    def installed_version(self) -> str:
        """Run the installed program; return the version that it reports."""
        done = subprocess.run([self.bin / release_assets.PROGRAM], capture_output=True, text=True, check=True)
        return release_assets.reported_version(done.stdout) or ""

    def lock(self) -> dict[str, Any]:
        tree: dict[str, Any] = json.loads((self.bin / f"{release_assets.PROGRAM}.lock").read_text())
        return tree

    def install_error(self, **params: Any) -> FlowGateError:
        """Run an installation that must fail, change nothing and show a fix; return the error."""
        before = self.tree()
        with pytest.raises(FlowGateError) as caught:
            self.install(**params)
        assert self.tree() == before
        assert not (self.bin / release_assets.PROGRAM).exists() or self.installed_version() == OLD
        assert caught.value.code in (2, 3)
        assert caught.value.fix or isinstance(caught.value, MultipleErrors)
        return caught.value


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[InstallStage]:
    with serving() as server:
        stage = InstallStage(tmp_path, server=server)
        stage.environment |= {release_assets.BASE_VARIABLE: server.base, "GITHUB_TOKEN": "ghp_canary"}
        yield stage

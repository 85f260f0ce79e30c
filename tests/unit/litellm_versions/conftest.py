"""Fixtures: a config, a folder of tiny wheels, and a cache of uv for the tests alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from flowgate.gateway import litellm_environments
from flowgate.litellm_versions import install
from flowgate.litellm_versions.build_tools import BuildTools
from flowgate.litellm_versions.wanted import Wanted
from flowgate.steps.install_litellm import install_litellm
from flowgate.system.clock import Clock
from tests.unit.litellm_versions.wheels import Wheel, litellm, wheelhouse
from tests.unit.steps.conftest import Stage

KEPT = ("PATH", "LANG", "SSL_CERT_FILE")
NOWHERE = "http://127.0.0.1:9/simple"  # nothing listens there, so no test can use the network


class VersionStage(Stage):
    """A stage with a folder of wheels."""

    @property
    def wheels(self) -> Path:
        return self.folder / "wheels"

    @property
    def place(self) -> Path:
        """The folder of the environments."""
        return litellm_environments.folder(self.config)

    def names(self) -> list[str]:
        """Return what lies in the folder of the environments."""
        return sorted(path.name for path in self.place.iterdir()) if self.place.is_dir() else []

    def offer(self, *wheels: Wheel) -> VersionStage:
        """Put wheels into the folder, beside those that LiteLLM and FlowGate require."""
        wheelhouse(self.wheels, *wheels)
        return self

    def install(self, version: str = "1.108.77", **params: Any) -> tuple[str, dict[str, Any]]:
        """Run the step with the folder of wheels."""
        return self.apply(install_litellm, version=version, **{"wheelhouse": str(self.wheels), **params})

    def tools(self, show: Any = lambda words: None) -> BuildTools:
        return BuildTools(self.config, self.environment, Clock().wall(), show, self.messages.append)

    def build(self, show: Any) -> None:
        """Install without a step; `show` hears what is done now."""
        install.install(Wanted("1.108.77", str(self.wheels)), self.tools(show))


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def versions(tmp_path: Path, uv_cache: Path) -> VersionStage:
    """A stage that offers LiteLLM 1.108.77, and that reaches no package index."""
    stage = VersionStage(tmp_path)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    own = {"HOME": str(tmp_path / "home"), "UV_CACHE_DIR": str(uv_cache), "UV_DEFAULT_INDEX": NOWHERE}
    stage.environment = {**kept, **own, "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1"}
    return stage.offer(litellm())

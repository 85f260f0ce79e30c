"""Sessions over a config in a temporary folder, without a supervisor, with an environment of one variable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowgate.cli.session import Session
from flowgate.config.loader import read
from flowgate.domain import Sourced
from flowgate.system.disk_errors import make_private_folder
from tests.conftest import free_port

CONFIG = """\
services:
  litellm:
    port: {litellm}
  cliproxyapi_plus:
    port: {upstream}
    command: {{args: [{program}, -config, cliproxyapi.yaml]}}
litellm_base:
  model_list:
    - model_name: router-default
      litellm_params: {{model: openai/a, api_base: "http://127.0.0.1:{upstream}/v1", api_key: os.environ/FIRST_KEY}}
    - model_name: router-spare
      litellm_params: {{model: openai/b, api_key: os.environ/SPARE_KEY}}
profiles:
  balanced: {{}}
"""


@dataclass(frozen=True)
class SessionFactory:
    """Makes sessions; each change `("old", "new")` replaces text of the config."""

    folder: Path

    def __call__(
        self, *changes: tuple[str, str], embedded: bool = False, environment: dict[str, str] | None = None
    ) -> Session:
        program = ".router/runtime/bin/" + ("embedded-upstream" if embedded else "CLIProxyAPIPlus")
        text = CONFIG.format(litellm=free_port(), upstream=free_port(), program=program)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = self.folder / "flowgate.yaml"
        file.write_text(text)
        own = self.folder / "cliproxyapi.yaml"
        if not own.exists():
            own.write_text("debug: false\n")
            own.chmod(0o600)
        config = read(text, file, embedded=embedded)
        return Session(config, Sourced(file, "typed"), environment or {"FIRST_KEY": "x"})


def put(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a file with this mode; create missing folders with mode 0700."""
    make_private_folder(path.parent)
    path.write_text(text)
    path.chmod(mode)
    return path

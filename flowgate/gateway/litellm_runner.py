"""The script that starts LiteLLM from a Python environment."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from flowgate.domain import Config, LiteLLMEnvironment
from flowgate.gateway import litellm_environments
from flowgate.gateway.serialization import absolute

NAME = "litellm"
GENERATION_FLAG = "--flowgate-generation"


def uses_runner(config: Config) -> bool:
    """Return whether LiteLLM's program is the runner script, which serves generations of the supervisor."""
    own = config.services[NAME]
    return absolute(own.cwd or config.root, own.args[0]) == runner_path(config)


def runner_path(config: Config, environment: LiteLLMEnvironment | None = None) -> Path:
    """Return the path of the runner script.

    Args:
        config: The config.
        environment: The environment from which it runs LiteLLM; None for the one that came with FlowGate.
    """
    if environment is None or environment.bundled:
        return config.paths.runtime_dir / "bin" / "litellm"
    return litellm_environments.folder(config) / environment.name / "run-litellm"


def runner(python: Path) -> str:
    """Return the text of the runner script, which starts LiteLLM from FlowGate's locked environment.

    Args:
        python: The environment's interpreter, absolute.
    """
    return (
        "#!/bin/sh\n"
        "# Written by FlowGate: runs LiteLLM from its locked environment.\n"
        "# Same flags as `litellm`; the flag below makes it a generation of FlowGate's supervisor.\n"
        "unset PYTHONDONTWRITEBYTECODE\n"
        f'if [ "${{1:-}}" = "{GENERATION_FLAG}" ]; then\n'
        "    shift\n"
        f'    exec {quote(str(python))} -P -m flowgate.supervisor.worker "$@"\n'
        "fi\n"
        f'exec {quote(str(python))} -c "from litellm import run_server; run_server()" "$@"\n'
    )

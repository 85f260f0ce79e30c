"""Which config is in use: found without reading it."""

from __future__ import annotations

import os
from pathlib import Path

from flowgate.domain import Sourced
from flowgate.errors import UsageError
from flowgate.system import locations

ENVIRONMENT = "FLOWGATE_CONFIG"
USUAL = Path("config") / "flowgate.yaml"


def locate_config(typed: str = "") -> Sourced[Path]:
    """Find the config in use without reading it.

    The order is `--config`, `FLOWGATE_CONFIG`, `config/flowgate.yaml`, `flowgate.yaml` in the platform's config folder
    (outside a checkout), the embedded default.

    Args:
        typed: Path after `--config`; empty for none.

    Returns:
        Its path, and who named it.

    Raises:
        UsageError: The named file does not exist.
    """
    if typed:
        return Sourced(_existing(typed, "--config"), "typed")
    if os.environ.get(ENVIRONMENT):
        return Sourced(_existing(os.environ[ENVIRONMENT], ENVIRONMENT), "environment", ENVIRONMENT)
    usual = _usual()
    if usual.is_file():
        return Sourced(usual, "default")
    folder = locations.config_folder()
    if folder is not None and (folder / USUAL.name).is_file():
        return Sourced(folder / USUAL.name, "platform")
    return Sourced(locations.examples() / "embedded.yaml", "default")


def wanted_configs(typed: str = "") -> list[Path]:
    """Return the files that could be the config in use, whether they exist or not, the first one first.

    Args:
        typed: Path after `--config`; empty for none.
    """
    given = typed or named_by_environment()
    if given:
        return [Path(given).expanduser().absolute()]
    folder = locations.config_folder()
    return [_usual(), *([folder / USUAL.name] if folder is not None else [])]


def named_by_environment() -> str:
    """Return the config that FLOWGATE_CONFIG names; empty if it names none."""
    return os.environ.get(ENVIRONMENT, "")


def _usual() -> Path:
    try:
        return (locations.checkout() or Path.cwd()) / USUAL
    except FileNotFoundError:
        raise UsageError("the current folder does not exist any more", fix="cd to a folder that exists") from None


def _existing(given: str, by: str) -> Path:
    from flowgate.cli.argv_words import check_word

    path = Path(given).expanduser().absolute()
    check_word(f"the path of {by}", str(path))
    if not path.is_file():
        what = f"there is no config file at {path}" if not path.exists() else f"{path} is not a file"
        raise UsageError(f"{what} (named by {by})", fix=f"give {by} the path of a config file, or leave it out")
    return path

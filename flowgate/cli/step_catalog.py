"""The steps that playbooks may use: FlowGate's own, the user's, and those of installed packages."""

from __future__ import annotations

from inspect import getsourcefile
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.cli.config_place import USUAL
from flowgate.playbook import builtin
from flowgate.playbook.catalog import Catalog, Steps, steps_in
from flowgate.system import locations

if TYPE_CHECKING:
    from flowgate.playbook.catalog import StepInfo
    from flowgate.playbook.plugins import PluginSteps

FOLDER = "steps"


def shipped() -> Catalog:
    """Return FlowGate's own steps."""
    return Catalog(steps_in("flowgate.steps"))


def catalog(config_file: Path) -> Catalog:
    """Return FlowGate's own steps, those in `steps/` beside the config, and those of installed packages.

    Args:
        config_file: Path of the config in use.

    Raises:
        UsageError: A user's step has the name of one of FlowGate's.
    """
    ours = steps_in("flowgate.steps")
    folder = own_folder(config_file)
    if folder.is_dir():
        return Catalog(ours, _own(folder, ours).with_packages)
    return Catalog(ours, lambda: _own(folder, ours).with_packages())


def _own(folder: Path, ours: Steps) -> PluginSteps:
    from flowgate.playbook.plugins import PluginSteps

    return PluginSteps(folder, {*ours, *builtin.STEPS})


def own_folder(config_file: Path) -> Path:
    """Return the folder of the user's steps, beside the config; with the embedded default, where a config would be."""
    embedded = config_file == locations.examples() / "embedded.yaml"
    return (((locations.checkout() or Path.cwd()) / USUAL) if embedded else config_file).parent / FOLDER


def source(info: StepInfo) -> str:
    """Return where a step comes from: "flowgate", else its file."""
    module = getattr(info.function, "__module__", "")
    return "flowgate" if module.startswith("flowgate.") else getsourcefile(info.function) or module

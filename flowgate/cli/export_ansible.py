"""The command `export ansible`: FlowGate's steps as modules of an Ansible collection. It needs no config."""

from __future__ import annotations

from pathlib import Path

from flowgate.cli import console, export_files, step_catalog
from flowgate.errors import UsageError
from flowgate.export import ansible
from flowgate.playbook import builtin

KIND = "ansible"


def export(to: str, *, check: bool, diff: bool) -> int:
    """Write the collection.

    Args:
        to: The folder; `ansible_collections/flowgate/gateway` is below it.
        check: Only say what would change.
        diff: Show the lines that change.

    Raises:
        UsageError: The folder is missing from the command, or has other files of these names; nothing is written.
        DiskError: A file cannot be written.
    """
    if not to:
        raise UsageError("--to is missing: the folder into which the files are written", fix="--to DIR")
    catalog = step_catalog.shipped()
    steps = [catalog.find(name) for name in catalog.names() if name not in builtin.STEPS]
    folder = Path(to).expanduser().absolute()
    changes = export_files.look(KIND, ansible.files(steps), folder)
    if not check:
        export_files.write(changes, folder)
    export_files.tell(changes, folder, check=check, diff=diff)
    if not check:
        console.note(f"next: {folder / ansible.ROOT / 'README.md'} says how to use it")
    return 0

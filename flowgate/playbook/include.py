"""Import tasks from other files, before the run starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.config.yaml_source import Pair, Source, kind
from flowgate.domain import Value
from flowgate.errors import FlowGateError, UsageError
from flowgate.system import files

if TYPE_CHECKING:
    from yaml.nodes import Node

    from flowgate.domain import Task

MAX_IMPORTS = 1000  # in one playbook; files that import each other twice double the number at each level
IMPORT_TASKS = "import_tasks"
NOT_ALLOWED = {
    "loop": "write the loop on the tasks inside: files are imported before the run starts",
    "loop_control": "write the loop on the tasks inside: files are imported before the run starts",
    "register": "write it on the tasks inside",
    "changed_when": "write it on the tasks inside",
    "failed_when": "write it on the tasks inside",
    "timeout": "write it on the tasks inside",
}


class PlaybookSource(Source):
    """The text of a playbook, or of a file that it imports.

    Attributes:
        chain: Files being read: the playbook, then each file that the one before imports.
        count: Number of imported files, shared by the whole playbook.
    """

    keeps_spelling = True

    def __init__(self, text: str, file: str, chain: tuple[Path, ...] = (), count: list[int] | None = None) -> None:
        super().__init__(text, file)
        self.chain = chain or (Path(file).resolve(),)
        self.count = [0] if count is None else count

    def open_import(self, name: str, node: Node) -> PlaybookSource | None:
        """Read the file that a task imports.

        Args:
            name: Path relative to the folder of this file.
            node: Node of the path, for errors.

        Returns:
            The text of the file; None when it cannot be read. The error is added to `faults`.
        """
        path = Path(self.file).parent / name
        real = path.resolve()
        self.count[0] += 1
        if real in self.chain:
            cycle = " → ".join(one.name for one in [*self.chain[self.chain.index(real) :], real])
            self.add_fault(f"a file imports itself ({cycle})", node, "remove one of the imports")
            return None
        if self.count[0] > MAX_IMPORTS:
            self.add_fault(f"more than {MAX_IMPORTS} files are imported", node)
            return None
        try:
            source = PlaybookSource(files.read_text(path), str(path), (*self.chain, real), self.count)
        except FlowGateError as error:
            if error.place:
                self.faults.append(error)
            else:
                self.add_fault(error.what, node, error.fix)
            return None
        source.faults = self.faults
        return source


def import_tasks(
    source: PlaybookSource,
    step: Pair,
    params: Mapping[str, Value],
    read: Callable[[PlaybookSource, Node], tuple[Task, ...]],
) -> tuple[Task, ...]:
    """Read the tasks of the file that `import_tasks` names.

    Args:
        source: The importing file.
        step: The keyword and its node.
        params: Parameters as written; `file` is the only one that exists.
        read: Reads tasks from the node of a list.

    Returns:
        The tasks; empty when the file cannot be read. Errors are added to `source.faults`.
    """
    name = params.get("file")
    for param in params.keys() - {"file"}:
        source.add_fault(f"{IMPORT_TASKS} has no parameter '{param}'", step.key_node, "write 'vars' beside it")
    if not isinstance(name, str) or not name or "\0" in name:
        source.add_fault(f"{IMPORT_TASKS} needs the name of a file", step.node, f"write: {IMPORT_TASKS}: more.yml")
        return ()
    if "{{" in name or "{%" in name:
        what = f"the file name of {IMPORT_TASKS} cannot contain an expression: it is read before the run starts"
        source.add_fault(what, step.node, "import each file with its own 'when'")
        return ()
    imported = source.open_import(name, step.node)
    if imported is None or imported.root is None or kind(imported.root) == "null":
        return ()
    root = imported.root
    if kind(root) == "seq" and root.value and any(key.value == "tasks" for key in _keys(root.value[0])):
        imported.add_fault("this file contains plays", root, "an imported file is a list of tasks, without 'tasks:'")
        return ()
    return read(imported, root)


def _keys(node: Node) -> list[Any]:
    return [key for key, _ in node.value] if kind(node) == "map" else []


def refuse_keywords(source: PlaybookSource, pairs: Mapping[str, Pair]) -> None:
    """Add a fault for each keyword that is not allowed beside `import_tasks`."""
    for word in NOT_ALLOWED.keys() & pairs.keys():
        what = f"'{word}' is not allowed beside {IMPORT_TASKS}"
        source.faults.append(UsageError(what, fix=NOT_ALLOWED[word], place=source.at(pairs[word].key_node)))

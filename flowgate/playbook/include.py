"""Tasks from other files: read where they are named, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.config.yaml_source import Pair, Source, kind
from flowgate.errors import FlowGateError, UsageError
from flowgate.system import files

if TYPE_CHECKING:
    from yaml.nodes import Node

MOST = 1000  # imported files in one playbook; files that import each other twice over double with each level
WORD = "import_tasks"
SPARED = {
    "loop": "it is read before anything runs: write the loop on the tasks inside",
    "loop_control": "it is read before anything runs: write the loop on the tasks inside",
    "register": "write it on the tasks inside",
    "changed_when": "write it on the tasks inside",
    "failed_when": "write it on the tasks inside",
    "timeout": "write it on the tasks inside",
}


class Book(Source):
    """A playbook's text, or that of a file it imports.

    Attributes:
        chain: The files being read, the playbook first, each imported by the one before it.
        count: How many files were imported, shared by the whole playbook.
    """

    def __init__(self, text: str, file: str, chain: tuple[Path, ...] = (), count: list[int] | None = None) -> None:
        super().__init__(text, file)
        self.chain = chain or (Path(file).resolve(),)
        self.count = [0] if count is None else count

    def imported(self, name: str, node: Node) -> Book | None:
        """Read the file that a task imports; what is wrong with it is noted here.

        Args:
            name: Relative to the folder of this file.
        """
        path = Path(self.file).parent / name
        real = path.resolve()
        self.count[0] += 1
        if real in self.chain:
            circle = " → ".join(one.name for one in [*self.chain[self.chain.index(real) :], real])
            self.add_fault(f"a file imports itself ({circle})", node, "remove one of the imports")
            return None
        if self.count[0] > MOST:
            self.add_fault(f"more than {MOST} files are imported", node)
            return None
        try:
            book = Book(files.read_text(path), str(path), (*self.chain, real), self.count)
        except FlowGateError as error:
            if error.place:
                self.faults.append(error)
            else:
                self.add_fault(error.what, node, error.fix)
            return None
        book.faults = self.faults
        return book


def import_tasks(
    book: Book, step: Pair, params: Mapping[str, Any], read: Callable[[Book, Node], tuple[Any, ...]]
) -> tuple[Any, ...]:
    """Give the tasks that `import_tasks` names.

    Args:
        params: Its parameters as written; only `file` is known.
        read: Reads the tasks from the node that holds a list of them.
    """
    name = params.get("file")
    for word in params.keys() - {"file"}:
        book.add_fault(f"{WORD} takes no parameter '{word}'", step.key_node, "write 'vars' beside it, not inside")
    if not isinstance(name, str) or not name or "\0" in name:
        book.add_fault(f"{WORD} needs the name of a file", step.node, f"write: {WORD}: more.yml")
        return ()
    if "{{" in name or "{%" in name:
        fix = "import each file under a 'when' of its own"
        book.add_fault(f"{WORD} is read before anything runs: its file's name holds no expression", step.node, fix)
        return ()
    inner = book.imported(name, step.node)
    if inner is None or inner.root is None or kind(inner.root) == "null":
        return ()
    root = inner.root
    if kind(root) == "seq" and root.value and any(key.value == "tasks" for key in _keys(root.value[0])):
        inner.add_fault(
            "this file holds plays", root, "an imported file is a list of tasks: what stands under 'tasks:'"
        )
        return ()
    return read(inner, root)


def _keys(node: Node) -> list[Any]:
    return [key for key, _ in node.value] if kind(node) == "map" else []


def refuse_words(book: Book, names: Mapping[str, Pair]) -> None:
    """Note the words that cannot stand beside `import_tasks`."""
    for word in SPARED.keys() & names.keys():
        what = f"'{word}' cannot stand beside {WORD}"
        book.faults.append(UsageError(what, fix=SPARED[word], place=book.at(names[word].key_node)))

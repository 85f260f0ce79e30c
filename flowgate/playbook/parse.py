"""Read a playbook: YAML text to plays, every fault told at once with its place."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from flowgate.config.yaml_source import Marks, Pair, Source, kind, position
from flowgate.domain import Play, Task
from flowgate.errors import FlowGateError, UnknownName, UsageError, raise_all
from flowgate.playbook import ansible_keywords
from flowgate.playbook.include import WORD, Book, import_tasks, refuse_words
from flowgate.playbook.keywords import (
    COMMON_READERS,
    TASK_READERS,
    Reader,
    read_flag,
    read_tags,
    read_text,
    read_variables,
)

if TYPE_CHECKING:
    from yaml.nodes import Node

FLUSH = "flush_handlers"
ALIASES = {"set": "set_fact", "include": "import_tasks"}
IMPORTS = (WORD, WORD.replace("_", "-"), "include")
# The parameter that a step takes alone: as a text, and as a list.
SHORT = {"command": ("cmd", "argv"), "import_tasks": ("file", "")}


def parse(text: str, file: str, faults: list[FlowGateError] | None = None) -> tuple[Play, ...]:
    """Read a playbook: a list of plays, or a single one.

    Args:
        text: The playbook's YAML.
        file: Its name, as places show it.
        faults: Receives what is wrong, and the plays are given as far as they could be read; without it, that is
            raised.

    Returns:
        The plays, in order.

    Raises:
        UsageError: (several at once as MultipleErrors), each with `file:line:column`.
    """
    source = Book(text, file)
    if source.root is None:
        raise UsageError("the playbook is empty", place=f"{file}:1:1", fix="write at least: - tasks: [{debug: {}}]")
    nodes = source.root.value if kind(source.root) == "seq" else [source.root]
    plays = tuple(_play(source, node) for node in nodes)
    if not plays:
        source.add_fault("the playbook holds no play", source.root)
    # What is wrong in a file that is imported twice was found twice.
    found = list({(one.place, one.what): one for one in source.faults}.values())
    if faults is None:
        raise_all(f"the playbook {file}", found)
    else:
        faults += found
    return plays


def _play(source: Source, node: Node) -> Play:
    marks: Marks = {}
    fields: dict[str, Any] = {"name": "", "vars": {}, "tasks": ()}
    pairs = source.pairs(node, "a play")
    for pair in pairs:
        if pair.key in PLAY_READERS:
            fields[pair.key] = PLAY_READERS[pair.key](source, pair.node, pair.key, marks)
        else:
            _unknown(source, pair, "play word", PLAY_READERS)
    if kind(node) == "map" and not any(pair.key == "tasks" for pair in pairs):
        source.add_fault("this play has no tasks", node, "a play is: name, vars, tasks; write the steps under 'tasks:'")
    fields["name"] = fields["name"] or PurePath(source.file).stem
    return Play(place=source.at(node), marks=marks, **fields)


def _task(source: Source, node: Node) -> Task:
    pairs = source.pairs(node, "a task")
    names = {pair.key for pair in pairs}
    if names & {"block", "rescue", "always"}:
        return _block(source, node, pairs, names)
    marks: Marks = {}
    fields: dict[str, Any] = {"name": "", "step": "", "params": {}}
    others: list[Pair] = []
    for pair in pairs:
        if pair.key in TASK_READERS:
            fields[pair.key] = TASK_READERS[pair.key](source, pair.node, pair.key, marks)
        else:
            others.append(pair)
    if alone := next((pair for pair in pairs if pair.key == "parallel" and not names & {"loop", *IMPORTS}), None):
        fix = "write it on a loop or on a block: so many items, or tasks, at a time"
        source.add_fault("'parallel' on one task does nothing", alone.key_node, fix)
    step = _step_of(source, node, others)
    if step and step.key == "meta" and step.node.value == FLUSH:  # as Ansible spells it
        marks[FLUSH] = position(step.key_node)
        fields |= {"step": FLUSH}
    elif step:
        word = ALIASES.get(step.key, step.key)
        fields |= {"step": word, "params": _params(source, step, word, marks)}
        if word.replace("-", "_") == WORD and isinstance(source, Book):
            refuse_words(source, {pair.key: pair for pair in pairs})
            tasks = import_tasks(source, step, fields["params"], lambda book, root: _tasks(book, root, WORD, {}))
            fields = {name: value for name, value in fields.items() if name in BLOCK_READERS}
            fields |= {"name": fields.get("name", ""), "step": "", "params": {}, "block": tasks}
    return Task(place=source.at(node), marks=marks, **fields)


def _step_of(source: Source, node: Node, others: list[Pair]) -> Pair | None:
    """Find the one step among the words that are no task words; the rest are faults."""
    steps = [pair for pair in others if pair.key not in ansible_keywords.TASK_WORDS]
    if len(steps) > 1:
        steps = [pair for pair in steps if not get_close_matches(pair.key, TASK_READERS, n=1, cutoff=0.75)] or steps
    for pair in others:
        if pair not in steps:
            _unknown(source, pair, "task word", TASK_READERS)
    if len(steps) == 1:
        return steps[0]
    if len(steps) > 1:
        words = " and ".join(f"'{pair.key}'" for pair in steps)
        source.add_fault(f"a task has one step; this one has {words}", steps[1].key_node)
    elif not others and kind(node) == "map":
        source.add_fault("this task names no step", node, "write one, for example: debug: { msg: hello }")
    return None


def _block(source: Source, node: Node, pairs: list[Pair], names: set[str]) -> Task:
    marks: Marks = {}
    fields: dict[str, Any] = {"name": "", "step": "", "params": {}}
    for pair in pairs:
        if pair.key in BLOCK_READERS:
            fields[pair.key] = BLOCK_READERS[pair.key](source, pair.node, pair.key, marks)
        elif pair.key in TASK_READERS:
            source.add_fault(f"'{pair.key}' cannot stand on a block", pair.key_node, "write it on the tasks inside")
        else:
            _unknown(source, pair, "block word", BLOCK_READERS)
    if "block" not in names:
        word = "rescue" if "rescue" in names else "always"
        source.add_fault(f"'{word}' needs a 'block' beside it", node)
    return Task(place=source.at(node), marks=marks, **fields)


def _params(source: Source, step: Pair, word: str, marks: Marks) -> dict[str, Any]:
    marks[word] = position(step.key_node)
    if kind(step.node) == "null":
        return {}
    if short := _short(source, step, word, marks):
        return short
    if kind(step.node) != "map" and get_close_matches(step.key, TASK_READERS, n=1, cutoff=0.75):
        _unknown(source, step, "task word", TASK_READERS)
        return {}
    if kind(step.node) != "map" and ansible_keywords.step_hint(word, frozenset()):
        return {}  # the answer to the word itself is better
    if kind(step.node) != "map":
        fix = f"write: {step.key}: {{ name: value }}"
        source.add_fault(f"the parameters of '{step.key}' must be a mapping", step.node, fix)
        return {}
    params: dict[str, Any] = {}
    for pair in source.pairs(step.node, f"the parameters of '{step.key}'"):
        params[pair.key] = source.plain(pair.node, f"{word}.{pair.key}", marks)
        marks[f"{word}.{pair.key}:"] = position(pair.key_node)
    return params


def _short(source: Source, step: Pair, word: str, marks: Marks) -> dict[str, Any]:
    """Read the parameters of a step that takes its main one alone (`command: [ls, -l]`, `import_tasks: more.yml`)."""
    text, listed = SHORT.get(word.replace("-", "_"), ("", ""))
    name = {"seq": listed, "": text}.get(kind(step.node), "")
    return {name: source.plain(step.node, f"{word}.{name}", marks)} if name else {}


def _unknown(source: Source, pair: Pair, kind: str, known: Mapping[str, object]) -> None:
    at = source.at(pair.key_node)
    fix = (ansible_keywords.PLAY_WORDS if kind == "play word" else ansible_keywords.TASK_WORDS).get(pair.key)
    if fix:
        source.faults.append(UsageError(f"Ansible's word '{pair.key}' has no meaning here", fix=fix, place=at))
    else:
        source.faults.append(UnknownName(kind, pair.key, known=known, at=at))


def _tasks(source: Source, node: Node, path: str, marks: Marks) -> tuple[Task, ...]:
    if kind(node) == "null":
        return ()
    return tuple(_task(source, entry) for entry in source.items(node, f"'{path}'"))


def _handlers(source: Source, node: Node, path: str, marks: Marks) -> tuple[Task, ...]:
    handlers = _tasks(source, node, path, marks)
    first: dict[str, Task] = {}
    for one in handlers:
        what, fix = "", ""
        if not one.name:
            what, fix = "this handler has no name", "name it as 'notify' does"
        elif one.block or one.rescue or one.always:
            what, fix = "a handler is one task, not a block", "notify several handlers: notify: [a, b]"
        elif one.name in first:
            what, fix = f"two handlers are called '{one.name}'", f"the first stands at {first[one.name].place}"
        if what:
            source.faults.append(UsageError(what, fix=fix, place=one.at("name")))
        first.setdefault(one.name, one)
    return handlers


BLOCK_READERS: dict[str, Reader] = COMMON_READERS | {"block": _tasks, "rescue": _tasks, "always": _tasks}
PLAY_READERS: dict[str, Reader] = {
    "name": read_text,
    "vars": read_variables,
    "tasks": _tasks,
    "handlers": _handlers,
    "force_handlers": read_flag,
    "tags": read_tags,
}

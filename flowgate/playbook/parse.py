"""Parse playbooks: YAML text to plays. All errors are reported at once, with their locations."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from flowgate.config.yaml_source import Marks, Pair, Source, kind, position
from flowgate.domain import Play, Task, Value
from flowgate.errors import FlowGateError, UnknownName, UsageError, raise_all
from flowgate.playbook import ansible_keywords
from flowgate.playbook.builtin import FLUSH
from flowgate.playbook.include import IMPORT_TASKS, PlaybookSource, import_tasks, refuse_keywords
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

ALIASES = {"set": "set_fact", "include": "import_tasks"}
IMPORTS = (IMPORT_TASKS, IMPORT_TASKS.replace("_", "-"), "include")
# The parameter that a step accepts in the short form: as text, and as a list.
SHORT_FORMS = {"command": ("cmd", "argv"), "import_tasks": ("file", "")}
BARE_TASK: Mapping[str, Any] = {"name": "", "step": "", "params": {}}


def parse(text: str, file: str, errors: list[FlowGateError] | None = None) -> tuple[Play, ...]:
    """Parse a playbook: a list of plays, or a single play.

    Args:
        text: The playbook's YAML.
        file: Its path, for error locations.
        errors: Receives all errors; the result is then what could be parsed. Without it, errors are raised.

    Returns:
        The plays in order.

    Raises:
        UsageError: The playbook is wrong; the error has `file:line:column`. Several errors are one `MultipleErrors`.
    """
    source = PlaybookSource(text, file)
    if source.root is None:
        raise UsageError("the playbook is empty", place=f"{file}:1:1", fix="write at least: - tasks: [{debug: {}}]")
    nodes = source.root.value if kind(source.root) == "seq" else [source.root]
    plays = tuple(_play(source, node) for node in nodes)
    if not plays:
        source.add_fault("the playbook contains no play", source.root)
    # A file that is imported twice reports each of its errors twice.
    found = list({(error.place, error.what): error for error in source.faults}.values())
    if errors is None:
        raise_all(f"the playbook {file}", found)
    else:
        errors += found
    return plays


def _play(source: Source, node: Node) -> Play:
    marks: Marks = {}
    pairs = source.pairs(node, "a play")
    fields = {"name": "", "vars": {}, "tasks": (), **_read(source, pairs, PLAY_READERS, marks)}
    for pair in pairs:
        if pair.key not in PLAY_READERS:
            _add_unknown(source, pair, "play keyword", PLAY_READERS)
    if kind(node) == "map" and not any(pair.key == "tasks" for pair in pairs):
        source.add_fault("this play has no 'tasks'", node, "write the steps under 'tasks:'")
    fields["name"] = fields["name"] or PurePath(source.file).stem
    return Play(place=source.at(node), marks=marks, **fields)


def _read(source: Source, pairs: list[Pair], readers: Mapping[str, Reader], marks: Marks) -> dict[str, Any]:
    """Read the values of known keywords."""
    return {pair.key: readers[pair.key](source, pair.node, pair.key, marks) for pair in pairs if pair.key in readers}


def _task(source: Source, node: Node) -> Task:
    pairs = {pair.key: pair for pair in source.pairs(node, "a task")}
    if pairs.keys() & {"block", "rescue", "always"}:
        return _block(source, node, pairs)
    marks: Marks = {}
    fields = {**BARE_TASK, **_read(source, list(pairs.values()), TASK_READERS, marks)}
    if "parallel" in pairs and not pairs.keys() & {"loop", *IMPORTS}:
        fix = "write it on a loop or on a block: the number of items, or tasks, that run at a time"
        source.add_fault("'parallel' has no effect on a single task", pairs["parallel"].key_node, fix)
    step = _find_step(source, node, [pair for word, pair in pairs.items() if word not in TASK_READERS])
    if step is None:
        return Task(place=source.at(node), marks=marks, **fields)
    if step.key == "meta" and step.node.value == FLUSH:  # Ansible's spelling
        marks[FLUSH] = position(step.key_node)
        return Task(place=source.at(node), marks=marks, **{**fields, "step": FLUSH})
    word = ALIASES.get(step.key, step.key)
    params = _params(source, step, word, marks)
    if word.replace("-", "_") != IMPORT_TASKS or not isinstance(source, PlaybookSource):
        return Task(place=source.at(node), marks=marks, **{**fields, "step": word, "params": params})
    refuse_keywords(source, pairs)
    tasks = import_tasks(source, step, params, lambda inner, root: _tasks(inner, root, IMPORT_TASKS, {}))
    kept = {name: value for name, value in fields.items() if name in BLOCK_READERS or name in BARE_TASK}
    return Task(place=source.at(node), marks=marks, **{**kept, "block": tasks})


def _find_step(source: Source, node: Node, others: list[Pair]) -> Pair | None:
    """Find the step among the keys that are not task keywords, and add errors for the other keys."""
    steps = [pair for pair in others if pair.key not in ansible_keywords.TASK_KEYWORDS]
    if len(steps) > 1:
        steps = [pair for pair in steps if not _is_like_keyword(pair)] or steps
    for pair in others:
        if pair not in steps:
            _add_unknown(source, pair, "task keyword", TASK_READERS)
    if len(steps) == 1:
        return steps[0]
    if len(steps) > 1:
        words = " and ".join(f"'{pair.key}'" for pair in steps)
        source.add_fault(f"a task has one step; this one has {words}", steps[1].key_node)
    elif not others and kind(node) == "map":
        source.add_fault("this task has no step", node, "write one, for example: debug: { msg: hello }")
    return None


def _is_like_keyword(pair: Pair) -> bool:
    return bool(get_close_matches(pair.key, TASK_READERS, n=1, cutoff=0.75))


def _block(source: Source, node: Node, pairs: Mapping[str, Pair]) -> Task:
    marks: Marks = {}
    fields = {**BARE_TASK, **_read(source, list(pairs.values()), BLOCK_READERS, marks)}
    for word, pair in pairs.items():
        if word in TASK_READERS and word not in BLOCK_READERS:
            source.add_fault(f"'{word}' is not allowed on a block", pair.key_node, "write it on the tasks inside")
        elif word not in BLOCK_READERS:
            _add_unknown(source, pair, "block keyword", BLOCK_READERS)
    if "block" not in pairs:
        word = "rescue" if "rescue" in pairs else "always"
        source.add_fault(f"'{word}' needs a 'block' beside it", node)
    return Task(place=source.at(node), marks=marks, **fields)


def _params(source: Source, step: Pair, word: str, marks: Marks) -> Mapping[str, Value]:
    marks[word] = position(step.key_node)
    shape = kind(step.node)
    if shape == "null":
        return {}
    text, listed = SHORT_FORMS.get(word.replace("-", "_"), ("", ""))
    if name := {"seq": listed, "": text}.get(shape, ""):
        return {name: source.plain(step.node, f"{word}.{name}", marks)}
    if shape != "map":
        if _is_like_keyword(step):
            _add_unknown(source, step, "task keyword", TASK_READERS)
        elif not ansible_keywords.step_fix(word, ()):  # an Ansible module is reported by the check
            fix = f"write: {step.key}: {{ name: value }}"
            source.add_fault(f"the parameters of '{step.key}' must be a mapping", step.node, fix)
        return {}
    params = {}
    for pair in source.pairs(step.node, f"the parameters of '{step.key}'"):
        params[pair.key] = source.plain(pair.node, f"{word}.{pair.key}", marks)
        marks[f"{word}.{pair.key}:"] = position(pair.key_node)
    return params


def _add_unknown(source: Source, pair: Pair, what: str, known: Mapping[str, object]) -> None:
    keywords = ansible_keywords.PLAY_KEYWORDS if known is PLAY_READERS else ansible_keywords.TASK_KEYWORDS
    at = source.at(pair.key_node)
    if fix := keywords.get(pair.key):
        source.faults.append(UsageError(f"the Ansible keyword '{pair.key}' is not supported", fix=fix, place=at))
    else:
        source.faults.append(UnknownName(what, pair.key, known=known, at=at))


def _tasks(source: Source, node: Node, path: str, marks: Marks) -> tuple[Task, ...]:
    if kind(node) == "null":
        return ()
    return tuple(_task(source, entry) for entry in source.items(node, f"'{path}'"))


def _handlers(source: Source, node: Node, path: str, marks: Marks) -> tuple[Task, ...]:
    handlers = _tasks(source, node, path, marks)
    first: dict[str, Task] = {}
    for handler in handlers:
        what, fix = "", ""
        if not handler.name:
            what, fix = "this handler has no name", "give it the name that 'notify' uses"
        elif handler.block or handler.rescue or handler.always:
            what, fix = "a handler is one task, not a block", "notify several handlers: notify: [a, b]"
        elif handler.name in first:
            what, fix = f"two handlers have the name '{handler.name}'", f"the first is at {first[handler.name].place}"
        if what:
            source.faults.append(UsageError(what, fix=fix, place=handler.at("name")))
        first.setdefault(handler.name, handler)
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

"""`include:` of LiteLLM's settings: files whose settings belong to the config, as LiteLLM itself merges them.

Source: litellm/proxy/common_utils/config_includes.py, 1.106.2: breadth first, each file once; a list is appended to a
list, everything else replaces what stood there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from posixpath import normpath

from flowgate.config.document import Draft
from flowgate.config.document import draft as draft_of
from flowgate.config.yaml_source import Tree
from flowgate.errors import FlowGateError, MultipleErrors, UsageError

KEY = "include"
BASE = "litellm_base"
SHAPE_FIX = "write a list of files: include: [models.yaml]"

ReadFile = Callable[[Path], str]


def refuse(path: Path) -> str:
    """Read no file: for a config that is read without its included files."""
    raise UsageError(f"{path} cannot be read here")


def expand(draft: Draft, root: Path, read_file: ReadFile) -> tuple[Path, ...]:
    """Merge the included files into `litellm_base`; their settings keep their own `file:line`.

    Args:
        draft: The config that is being read.
        root: Folder that relative paths are resolved against.
        read_file: Returns the text of a file, or raises a FlowGateError.

    Returns:
        The included files.
    """
    base = draft.tree.get(BASE)
    _reject_in_profiles(draft)
    if not isinstance(base, dict) or KEY not in base:
        return ()
    waiting = _entries(draft, base.pop(KEY), f"{BASE}.{KEY}", root)
    seen: list[Path] = []
    while waiting:
        path, where = waiting.pop(0)
        if path in seen:
            continue
        seen.append(path)
        included = _read(draft, path, where, read_file)
        if included is None:
            continue
        nested = included.tree.pop(KEY, None)
        if nested is not None:
            waiting += _entries(included, nested, KEY, path.parent)
        _merge(draft, base, included)
    return tuple(seen)


def _entries(draft: Draft, value: object, at: str, folder: Path) -> list[tuple[Path, str]]:
    """Return the files of an `include`, each with its place in the config."""
    if not isinstance(value, list) or not all(
        isinstance(one, str) and one.strip() and "\0" not in one for one in value
    ):
        draft.faults.append(UsageError("`include` is not a list of files", place=draft.place(at), fix=SHAPE_FIX))
        return []
    return [(Path(normpath(folder / Path(one).expanduser())), draft.place(f"{at}.{i}")) for i, one in enumerate(value)]


def _read(draft: Draft, path: Path, place: str, read_file: ReadFile) -> Draft | None:
    try:
        return draft_of(read_file(path), str(path))
    except MultipleErrors as errors:
        draft.faults += errors.errors
    except FlowGateError as error:
        what = error.what if error.place else f"the included file cannot be read: {error.what}"
        draft.faults.append(UsageError(what, place=error.place or place, fix=error.fix))
    return None


def _merge(draft: Draft, base: Tree, included: Draft) -> None:
    for key, value in included.tree.items():
        known = base.get(key)
        present = known if isinstance(known, list) and isinstance(value, list) else None
        appended, offset = present is not None, len(present or ())
        if not appended:
            for table in (draft.lines, draft.written):
                for path in [path for path in table if path.startswith(f"{BASE}.{key}.")]:
                    del table[path]
        for ours, theirs in ((draft.lines, included.lines), (draft.written, included.written)):
            for path, at in theirs.items():
                if (moved := _moved(path, str(key), offset)) is not None and not (appended and path == key):
                    ours[moved] = at
        base[key] = value if present is None else [*present, *value]
    draft.faults += included.faults


def _moved(path: str, key: str, offset: int) -> str | None:
    """Return the path under `litellm_base` of a path in an included file; None if it is below another key."""
    head, dot, rest = path.partition(".")
    if head != key:
        return None
    index, more, below = rest.partition(".")
    if offset and index.isdigit():
        rest = f"{int(index) + offset}{more}{below}"
    return f"{BASE}.{key}{dot}{rest}"


def _reject_in_profiles(draft: Draft) -> None:
    profiles = draft.tree.get("profiles")
    for name, tree in profiles.items() if isinstance(profiles, dict) else ():
        if isinstance(tree, dict) and KEY in tree:
            del tree[KEY]
            what = f"profile '{name}' has an `include`; only litellm_base can include files"
            place = draft.place(f"profiles.{name}.{KEY}")
            draft.faults.append(UsageError(what, place=place, fix=f"move it to {BASE}"))

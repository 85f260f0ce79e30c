"""Compose the nodes of a YAML text; every error of the text has its line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowgate.errors import UsageError

if TYPE_CHECKING:
    from yaml import SafeLoader
    from yaml.nodes import Node

MAX_DEPTH = 100  # libyaml's composer overflows the C stack at some thousand levels, which kills the process
QUOTE_STAR = "a text that begins with * needs quotes: '*-mini'"
FIXES = {
    "found undefined alias": QUOTE_STAR,
    "did not find expected alphabetic or numeric character": QUOTE_STAR,
    "expected alphabetic or numeric character": QUOTE_STAR,
    "found character that cannot start any token": "indent with spaces, not tabs; quote text that begins with % or @",
    "mapping values are not allowed in this context": "quote a string that contains ': ', and check the indentation",
    "found unexpected end of stream": "close the quote",
    "did not find expected ',' or '}'": "close the '{' that is open, or put a comma between its entries",
    "did not find expected ',' or ']'": "close the '[' that is open, or put a comma between its entries",
    "did not find expected node content": "close the '{' or '[' that is open, or remove what is there too much",
    "did not find expected key": "line up the keys of a mapping, and close every quote and bracket",
    "did not find expected '-' indicator": "line up the '-' of a list",
    "could not find expected ':'": "write a key as `key: value`, with a blank after the colon",
    "found unknown escape character": "write \\\\ for a backslash in double quotes, or use single quotes",
    "but found another document": "a file contains one document: remove the '---' between them",
}


def compose(text: str, file: str) -> Node | None:
    """Compose the nodes of a text.

    Args:
        text: The YAML.
        file: The file's name in `file:line`.

    Returns:
        The node of the document; None for an empty one.

    Raises:
        UsageError: The text is not YAML, or nested too deeply.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML is sometimes built without libyaml
    try:
        _measure_depth(text, file, loader)
        return yaml.compose(text, Loader=loader)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        if loader is not yaml.SafeLoader:  # libyaml counts bytes
            before = text.encode()[: error.position].decode(errors="ignore")
        place = f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        raise UsageError(f"not YAML: {error.reason}", place=place) from None
    except UnicodeError:
        raise UsageError("not YAML: it contains half of a surrogate pair", place=f"{file}:1:1") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        problem = error.problem or "it cannot be parsed"
        fix = next((fix for beginning, fix in FIXES.items() if problem.startswith(beginning)), "")
        raise UsageError(f"not YAML: {problem}", fix=fix, place=place) from None


def _measure_depth(text: str, file: str, loader: type[SafeLoader]) -> None:
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = event.start_mark
                place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
                raise UsageError(f"nested deeper than {MAX_DEPTH} levels", place=place)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1

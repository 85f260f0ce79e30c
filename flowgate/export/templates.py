"""Fill the templates of exported files; every value is written as JSON, which YAML reads as it is meant."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=False,  # noqa: S701 - no HTML; `tojson` quotes what is put in
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(name: str, **values: object) -> str:
    """Return a file's text.

    Args:
        name: The template, below `templates/`.
        **values: What is put in.
    """
    return _environment().get_template(name).render(values)

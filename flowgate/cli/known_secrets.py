"""The secrets that this command can know, and a mask for texts that may contain them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from flowgate.cli.checks import permissions
from flowgate.cli.diff import mask_secrets
from flowgate.cli.session import Session
from flowgate.errors import FlowGateError
from flowgate.system import files

SHORTEST = 6  # characters; a shorter value would mask ordinary words
REFERENCE = "os.environ/"
SECRET_NAME = re.compile(r"(?i)(api|master|secret|private|access|management)[_-]?key|token(?!s)|secret|passw")


def mask(session: Session) -> Callable[[str], str]:
    """Return a function that masks every known secret in a text, and whatever looks like one.

    Args:
        session: The session of this command.
    """
    values = sorted({one for one in _values(session) if len(one) >= SHORTEST}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, values))) if values else None

    def masked(text: str) -> str:
        return mask_secrets(known.sub("…", text) if known else text)

    return masked


def _values(session: Session) -> Iterator[str]:
    for name, value in session.environment.items():
        if SECRET_NAME.search(name):
            yield value.strip()
    for service in session.config.services.values():
        yield from _secret_texts(dict(service.env))
    yield from _secret_texts(session.config.litellm_base)
    yield from _secret_texts(session.config.profiles)
    folder = permissions.secrets_folder(session.config)
    for path in [*files.listing(folder, "*"), *session.config.secret_files]:
        try:
            yield from (files.read_text_or_none(path) or "").split()
        except FlowGateError:  # unreadable for us: none of our texts can contain it
            continue


def _secret_texts(tree: object) -> Iterator[str]:
    """Yield the literal values of keys whose names say that they are secret."""
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            if isinstance(value, str):
                if SECRET_NAME.search(str(name)) and not value.startswith(REFERENCE):
                    yield value.strip()
            else:
                yield from _secret_texts(value)
    elif isinstance(tree, (list, tuple)):
        for one in tree:
            yield from _secret_texts(one)

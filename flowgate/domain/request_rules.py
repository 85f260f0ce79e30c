"""Rules by which the request filter of a worker refuses requests before the app sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowgate.domain import request_limits


@dataclass(frozen=True, slots=True)
class RequestRules:
    """What the request filter knows about the app that it stands in front of. It contains no key.

    Attributes:
        key_source: "module:function", called in the process that serves; it returns the accepted keys. Empty: keys are
            not checked.
        name_source: "module:function", called in the process that serves before a model's name is refused; it returns
            whether the app knows the name after all. Empty: the names below are all.
        key_headers: Names of the headers in which the app looks for a key, in its order.
        own_keys: Settings by which the app checks keys itself; with any of them, every request passes.
        open_paths: Paths that need no key.
        unchecked_paths: Paths whose key the app checks; `*` at the end stands for any text.
        models: Names of models that clients may ask for, as they are shown to clients.
        further_models: Further names that the app accepts.
        patterns: Names with `*` that the app accepts.
        any_model: Whether names that are not listed may exist too.
        model_optional: Capabilities for which a request need not name a model.
        refused: Name or pattern to the capabilities that no model of that name has.
        client_keys: The file of the clients' keys; empty for none.
        budgets: The file of what is exhausted; empty for none.
        client_paths: Paths that a client's key is good for; `*` at the end stands for any text.
        user_header: Header by which the app is told the name of the client; empty for none.
        user_headers: Headers by which a client names its user itself; with one of them, the app is told nothing.
        metadata_header: Header by which the app is told the name of the client for its records, as JSON.
        renamed: Names that clients ask for by themselves, each to the model that answers instead.
        renamed_patterns: The same for names with `*`, the most specific one first; the model is empty for a pattern of
            the app itself, which answers what it matches.
        max_requests: How many requests all workers serve at once; 0 for a number that suits the machine.
        max_body: Bytes of a request's body.
    """

    key_source: str = ""
    name_source: str = ""
    key_headers: tuple[str, ...] = ("Authorization",)
    own_keys: tuple[str, ...] = ()
    open_paths: tuple[str, ...] = ()
    unchecked_paths: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    further_models: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    any_model: bool = True
    model_optional: tuple[str, ...] = ()
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    client_keys: str = ""
    budgets: str = ""
    client_paths: tuple[str, ...] = ()
    user_header: str = ""
    user_headers: tuple[str, ...] = ()
    metadata_header: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    renamed_patterns: tuple[tuple[str, str], ...] = ()
    max_requests: int = request_limits.AUTO
    max_body: int = request_limits.MAX_BODY

"""The checks before the app: the key, the path, the model and the body of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowgate.request_filter import allowed_list, allowed_models, arrival, body, paths, renaming, shapes
from flowgate.request_filter.access import Access, Admission
from flowgate.request_filter.attribution import Attribution
from flowgate.request_filter.body import BadBody, Body
from flowgate.request_filter.budgets import ExhaustedBudgets
from flowgate.request_filter.client_names import ClientNames
from flowgate.request_filter.clients import Client, Clients
from flowgate.request_filter.dialects import Kind, Response, error_response
from flowgate.request_filter.model_list import ModelList, adapted
from flowgate.request_filter.models import Models
from flowgate.request_filter.quotas import Quotas
from flowgate.request_filter.renaming import Question

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from flowgate.domain.request_rules import RequestRules
    from flowgate.request_filter.paths import Asked
    from flowgate.request_filter.recent import RecentRequest

OWN_CREDENTIALS = ("api_key", "api_base", "user_config")  # such a request may name any model of another provider
FORMS = (b"multipart/form-data", b"application/x-www-form-urlencoded")
TOO_LARGE = f"a body that names one of a few allowed models may have up to {body.READ_BYTES:,} bytes"


@dataclass(slots=True)
class Request:
    """A request on its way to the app.

    Attributes:
        scope: As the app gets it.
        receive: Its messages, as the app gets them.
        client: The client that sent it; None if it is not known.
    """

    scope: Scope
    receive: Receive
    client: Client | None = None

    @property
    def limited(self) -> Client | None:
        """The client, if it may ask only some models."""
        return self.client if self.client and self.client.models else None


class Checks:
    """The checks by one set of rules.

    Attributes:
        rules: The rules.
    """

    def __init__(self, rules: RequestRules, clients: Clients, quotas: Quotas, public_port: int = 0) -> None:
        self.rules, self._quotas = rules, quotas
        self._budgets = ExhaustedBudgets(rules.budgets, rules.client_paths, public_port)
        self._access, self._models, self._names = Access(rules, clients, quotas), Models(rules), ClientNames(rules)
        self._told, self._list = Attribution(rules), ModelList(rules)

    def admit(self, scope: Scope) -> Admission:
        """Return the scope with the path and the key that the app understands, or the response to a wrong key.

        Args:
            scope: An HTTP or websocket scope.
        """
        admission = self._access.admit(paths.normalized(scope))
        name = admission.client.name if admission.client else ""
        if not admission.response and (refused := self._budgets.refusal(admission.scope, name)):
            if admission.client:
                self._quotas.leave(name)
            return admission._replace(response=refused)
        asking = Request(admission.scope, _nothing, admission.client).limited
        if admission.response or not asking or scope["type"] != "websocket":
            return admission
        if why := allowed_models.without_body(admission.scope, asking, self._names.models):
            self._quotas.leave(asking.name)
            return admission._replace(response=_refused(admission.scope, 403, "forbidden_model", why))
        return admission

    def answering(self, request: Request, send: Send) -> Send:
        """Return a `send` that lists models in the client's shape, for a request that asks for a list.

        Args:
            request: The request; Google's address of the list is replaced by the app's.
            send: Takes the messages of the response.
        """
        scope = request.scope
        if request.limited and scope.get("method") == "GET" and paths.lists_models(scope["path"]):
            plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            request.scope = {**scope, "headers": plain}
            send = allowed_list.shortened(send, request.limited, self._names.models)
        request.scope, adapt = self._list.question(request.scope)
        return adapted(send, adapt) if adapt else send

    async def examine(self, request: Request, row: RecentRequest) -> Response | None:
        """Return the response to a request that no model can answer; None when the app is to answer it.

        Args:
            request: The request; what is read of its body is put back, decompressed if need be.
            row: Gets the name of the model that was asked for.
        """
        scope, limited = request.scope, request.limited
        if limited and (why := allowed_models.without_body(scope, limited, self._names.models)):
            return _refused(scope, 403, "forbidden_model", why)
        if scope.get("method") != "POST":
            return self._undescribed(request)
        asked = paths.asked(scope["path"])
        headers = dict(scope.get("headers", ()))
        try:
            if asked is None:
                if b"content-encoding" in headers:
                    await _read(request, headers)
                return None
            question = await self._question(request, asked, headers)
        except BadBody as bad:
            return arrival.response(scope, bad)
        name = question.model
        if isinstance(name, str) and name:
            row["model"] = name
        if limited and (why := allowed_models.in_body(limited, name, question.tree, self._names.models)):
            return _refused(scope, 403, "forbidden_model", why)
        if isinstance(name, str) and name and (model := self._names.models(name)) != name:
            name = row["leads_to"] = model
            request.scope, request.receive = renaming.renamed(request.scope, request.receive, question, model)
        if request.client:
            content = question.body.content if question.body and question.body.whole else None
            request.scope = self._told.add(request.scope, request.client.name, question.tree, content)
        return self._refusal(request.scope, asked, name, question.tree)

    def _undescribed(self, request: Request) -> Response | None:
        """Return the response to a GET that describes a model, if there is no such model."""
        scope = request.scope
        name = paths.described_model(scope["path"]) if scope.get("method") == "GET" else ""
        if name and (model := self._names.models(name)) != name:
            request.scope = paths.moved(scope, paths.with_model(scope["path"], model))
            return None
        if not name or self._models.exists(name):
            return None
        return _refused(scope, 404, "unknown_model", self._models.unknown(name))

    async def _question(self, request: Request, asked: Asked, headers: dict[bytes, bytes]) -> Question:
        """Read what a request asks.

        Raises:
            BadBody: The body cannot be used.
        """
        receive = request.receive
        if headers.get(b"content-type", b"").lower().startswith(FORMS):
            return await self._form_question(request, asked, headers)
        found = await _read(request, headers)
        if not found.whole and request.limited:
            raise BadBody(413, TOO_LARGE)
        tree: object = {}
        named: object = None
        is_large = len(found.content) > body.PARSED_BYTES and not request.limited
        if not found.whole:
            first = body.first_model(found.content) or ""
            named = first if self._names.models(first) != first else False  # else the app alone looks at it
        elif is_large and (quick := body.quick_model(found.content)):
            named = quick
        elif found.content:
            tree = body.tree(found.content)
            named = tree.get("model") if isinstance(tree, dict) else False
        return Question(asked.model or named, tree, found, False, receive)

    async def _form_question(self, request: Request, asked: Asked, headers: dict[bytes, bytes]) -> Question:
        receive = request.receive
        if request.limited:
            found = await _read(request, headers)
            names = allowed_models.form_models(found.content, headers[b"content-type"]) if found.whole else None
            if names is None:
                raise BadBody(413, TOO_LARGE) if not found.whole else BadBody(400, "the form's model cannot be read")
            return Question(",".join(filter(None, (asked.model, *names))) or None, {}, found, True, receive)
        if not self._models.has_rules and self._names.is_empty:
            return Question(asked.model or False, {}, None, True, receive)
        found = await body.read(receive, body.FORM_BYTES)
        request.receive = body.replayed(found, receive)
        return Question(asked.model or body.form_model(found.content) or False, {}, found, True, receive)

    def _refusal(self, scope: Scope, asked: Asked, name: object, tree: object) -> Response | None:
        def refuse(status: int, kind: Kind, message: str) -> Response:
            return _refused(scope, status, kind, message)

        if wrong := shapes.fault(asked.word, tree):
            return refuse(400, "bad_request", wrong)
        if not asked.capability or (isinstance(tree, dict) and _names_its_own(asked, tree)):
            return None
        if not isinstance(name, str):  # not known, not a string (the app says so), or not named
            if name not in (None, False) or asked.capability in self.rules.model_optional:
                return None
            if self._models.nobody_has(asked.capability):
                return refuse(400, "bad_request", self._models.unable("", asked.capability))
            return refuse(400, "bad_request", self._models.unnamed()) if self._needs_name(asked, name) else None
        names = [one.strip() for one in name.split(",")] if "," in name and asked.word == "chat/completions" else [name]
        for one in names if not self._models.exists(name) else [name]:
            if not self._models.exists(one):
                return refuse(404, "unknown_model", self._models.unknown(one) if one else self._models.unnamed())
            if self._models.lacks(one, asked.capability):
                return refuse(400, "bad_request", self._models.unable(one, asked.capability))
        return None

    def _needs_name(self, asked: Asked, name: object) -> bool:
        return name is None and self._models.needs_name(asked)


def _refused(scope: Scope, status: int, kind: Kind, message: str) -> Response:
    return error_response(scope["path"], scope["headers"], status, kind, message)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _names_its_own(asked: Asked, tree: dict[str, object]) -> bool:
    """Return whether a request brings its own provider, or a stored prompt that names the model."""
    stored = "prompt_id" in tree or (asked.word == "responses" and "prompt" in tree)
    return any(key in tree for key in OWN_CREDENTIALS) or (stored and not tree.get("model"))


async def _read(request: Request, headers: dict[bytes, bytes]) -> Body:
    """Read a body, and put it back; a compressed one as plain text.

    Raises:
        BadBody: It cannot be decompressed.
    """
    found = await body.read(request.receive)
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding in (b"", b"identity"):
        request.receive = body.replayed(found, request.receive)
        return found
    if not found.whole:
        if found.messages[-1]["type"] != "http.request":  # the client is gone
            request.receive = body.replayed(found, request.receive)
            return found
        raise BadBody(413, f"a compressed body may have up to {body.READ_BYTES:,} bytes")
    text = body.decompressed(found.content, encoding) if found.content else b""
    whole = Body([{"type": "http.request", "body": text, "more_body": False}], text, True)
    request.receive = body.replayed(whole, request.receive)
    kept = [
        (key, value) for key, value in request.scope["headers"] if key not in (b"content-encoding", b"content-length")
    ]
    request.scope = {**request.scope, "headers": [*kept, (b"content-length", str(len(text)).encode())]}
    return whole

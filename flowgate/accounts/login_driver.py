"""Perform a conversation with CLIProxyAPIPlus: over HTTP, with the person at the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

from flowgate.accounts.actions import Ask, Heard, Look, Move, Say, Show, Talk, Wait, Waited, Whose
from flowgate.domain import Secret
from flowgate.errors import FlowGateError, Interrupted, NotReady, UsageError
from flowgate.gateway import cliproxy, release_assets
from flowgate.step import StepContext

T = TypeVar("T")
ASK_SECONDS = 5.0
BEGIN_SECONDS = 30.0  # a device login asks its vendor before it answers
LOG_LINES = 5000
NAME = cliproxy.NAME


class LoginDriver:
    """One conversation under way.

    Attributes:
        key: The management key.
        opens: Open addresses in the person's browser.
    """

    def __init__(self, context: StepContext, key: Secret, *, opens: bool = False) -> None:
        self._reach, self._key, self._opens = context, key, opens
        self._base = base_url(context)
        self._began = context.clock.now()
        self._leaving = False

    def run(self, talk: Talk[T]) -> T:
        """Make every move until the conversation has its result.

        Raises:
            FlowGateError: What the conversation refuses.
            KeyboardInterrupt: After it has taken back what it began.
        """
        go: Callable[[], Move] = partial(next, talk)
        interrupted = False
        while True:
            try:
                move = go()
            except StopIteration as end:
                found: T = end.value
                return found
            except Interrupted:
                if interrupted:
                    raise KeyboardInterrupt from None
                raise
            try:
                go = partial(talk.send, self._answer(move))
            except FlowGateError as error:
                go = partial(talk.send, Heard(0, {}, None, "")) if self._leaving else partial(talk.throw, error)
                self._leaving = True
            except KeyboardInterrupt:
                go = partial(talk.throw, Interrupted("the login was interrupted"))
                self._leaving = interrupted = True

    def _answer(self, move: Move) -> object:
        match move:
            case Ask():
                return self._ask(move)
            case Show():
                self._show(move)
            case Say():
                self._reach.emit(move.text)
            case Wait():
                typed = self._reach.read_line(move.seconds)
                return Waited(self._reach.clock.now() - self._began, self._reach.clock.wall(), typed)
            case Look():
                return self._look(move.name)
            case Whose():
                owner = self._reach.port_owner("127.0.0.1", move.port)
                return f"process {owner[0]} ({owner[1]})" if owner and owner[0] else "another program"
        return None

    def _ask(self, move: Ask) -> Heard:
        http, headers = self._reach.http, self._headers(move.key)
        url = self._base + move.path + (f"?{urlencode(move.query)}" if move.query else "")
        if move.method == "POST":
            answer = http.post(url, dict(move.body or {}), headers=headers, timeout=BEGIN_SECONDS)
        elif move.method == "DELETE":
            answer = http.delete(url, headers=headers, timeout=ASK_SECONDS)
        else:
            slow = move.path.endswith("-auth-url")
            answer = http.get(url, headers=headers, timeout=BEGIN_SECONDS if slow else ASK_SECONDS)
        try:
            tree = json.loads(answer.text)
        except ValueError:
            tree = None
        return Heard(answer.status, answer.headers, tree, answer.text)

    def _headers(self, key: str) -> dict[str, str | Secret]:
        if key == "management":
            return {"Authorization": self._key.bearer()}
        client = self._reach.key(cliproxy.UPSTREAM_KEY) if key == "client" else None
        return {"Authorization": client.bearer()} if client else {}

    def _show(self, move: Show) -> None:
        emit = self._reach.emit
        if self._opens and self._reach.open_browser(move.url):
            emit(f"opened in your browser: {move.url}")
        else:
            if self._opens:
                emit("no browser could be opened here")
            emit(f"open this address: {move.url}")
        if move.code:
            emit(f"and enter this code: {move.code}")
        if move.pasting:
            emit("then paste the address at which your browser ends here, or into another terminal:")
            emit("  inv auth.login PROVIDER --redirect-url 'ADDRESS'")

    def _look(self, name: str) -> object:
        folder = cliproxy.auth_folder(self._reach.config)
        if "/" in name or name in ("", ".", ".."):
            return None
        try:
            return json.loads(self._reach.files.read(folder / name) or "null")
        except (ValueError, UsageError):
            return None


def base_url(context: StepContext) -> str:
    """Give the address of the CLIProxyAPIPlus that runs.

    Raises:
        NotReady: See the message.
    """
    generation = context.supervisor.generation(NAME)
    if generation is None:
        raise NotReady(f"{NAME} is not running", fix=f"inv service.start --service {NAME}")
    return f"http://{generation['host']}:{generation['port']}"


def stated_version(context: StepContext) -> str:
    """Give the version that the running program stated when it was started; empty when its log has lost it."""
    lines = context.files.tail(context.stack().services[NAME].program.log, LOG_LINES)
    return next((found for line in reversed(lines) if (found := release_assets.reported_version(f"{line}\n"))), "")

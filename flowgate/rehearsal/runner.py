"""Run one scenario: send its requests, start and end its faults, and record what happens."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from statistics import median

from flowgate.errors import CheckFailed, FlowGateError
from flowgate.rehearsal.misuse import REFUSED_BY_VENDORS, REPEATED, BadRequest, bad_requests
from flowgate.rehearsal.observation import (
    Observation,
    SentRequest,
    answering_models,
    match_attempts,
    name_observations,
)
from flowgate.rehearsal.private_stack import ScenarioStack
from flowgate.rehearsal.roles import PRIMARY, NameCase
from flowgate.rehearsal.scenarios import MISUSE, NAMES, Fault
from flowgate.rehearsal.stream import chunks
from flowgate.step import StepContext

WARM_UP_REQUESTS = 3  # the first one includes work that LiteLLM does once
RETURN_SECONDS = 12.0  # after the end of its cooldown, how long to wait for the primary
REQUESTS_PER_COOLDOWN = 10  # while waiting for the primary
ENOUGH_SECONDS = 20.0  # after that, send only as many requests as a cooldown needs
LONG_COOLDOWN_SECONDS = 10.0  # do not wait for the end of a longer cooldown before the scenario
LATE_ATTEMPT_SECONDS = 0.3  # an attempt can still arrive after its client has given up


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How the client of a scenario behaves.

    Attributes:
        model: Model that it requests.
        timeout_seconds: When it gives up.
        cooldown_seconds: Length of a cooldown in this rehearsal.
        minimum_requests: Number of requests that are needed to see a cooldown.
        aliases: Other names of the model, which it requests in turn.
        cases: Every name that clients may ask for.
        gap_seconds: Pause before each request, as long as two clocks may differ.
        settle_seconds: How long to wait after a fault of `names`, if the next name is asked on the same gateway.
        names_seconds: Names that are left after that are not asked for.
        run: Text that makes the requests of a run unlike those of all others, for caches.
    """

    model: str
    timeout_seconds: float
    cooldown_seconds: float
    minimum_requests: int
    aliases: tuple[str, ...] = ()
    cases: tuple[NameCase, ...] = ()
    gap_seconds: float = 0.0
    settle_seconds: float = 0.0
    names_seconds: float = 60.0
    run: str = ""


class ScenarioRunner:
    """Runs one scenario on its stack."""

    def __init__(self, context: StepContext, stack: ScenarioStack, client: ClientSettings) -> None:
        self._http, self._clock = context.http, context.clock
        self._stack, self._scenario, self._client = stack, stack.scenario, client
        self._count = 0

    def run(self, scale: float) -> Observation:
        """Run the scenario.

        Args:
            scale: Factor by which LiteLLM's times were multiplied.

        Raises:
            CheckFailed: A request failed before the fault started.
        """
        healthy_seconds = self._warm_up()
        if self._scenario.kind == NAMES:
            return self._ask_for_names(healthy_seconds, scale)
        if self._scenario.kind == MISUSE:
            self._misuse()
        self._stack.start_fault()
        start = self._clock.wall().timestamp()
        sent = self._send_all()
        ended = None
        if self._scenario.recovers:
            self._stack.vendors.clear_faults(self._scenario)
            ended = self._clock.wall().timestamp()
            sent += self._send_until_primary_answers(ended)
        self._clock.sleep(LATE_ATTEMPT_SECONDS)
        attempts = self._stack.attempts(since=start)
        requests = match_attempts(sent, attempts, start)
        return Observation(requests, healthy_seconds, None if ended is None else ended - start, scale, attempts)

    def _misuse(self) -> None:
        """Send the requests of a client that makes mistakes; what it gets does not matter here."""
        for bad in bad_requests(self._client.model):
            for url in self._stack.urls:
                self._post(url, bad)
        primary = self._stack.vendors.models(PRIMARY)
        for status in REFUSED_BY_VENDORS:
            self._stack.vendors.fail(self._scenario, primary, Fault(status=status))
            for _ in range(REPEATED * len(self._stack.urls)):
                self._send(self._client.model)
        self._stack.vendors.clear_faults(self._scenario)

    def _post(self, url: str, bad: BadRequest) -> None:
        headers = {**self._stack.headers, "content-type": "application/json"}
        timeout = self._client.timeout_seconds
        with suppress(FlowGateError):
            self._http.request("POST", f"{url}{bad.path}", bad.body, headers=headers, timeout=timeout)

    def _ask_for_names(self, healthy_seconds: float, scale: float) -> Observation:
        """Ask for each name twice: while all models work, and while those that it names fail."""
        start, deadline = self._clock.wall().timestamp(), self._clock.now() + self._client.names_seconds
        sent: list[SentRequest] = []
        for case in self._client.cases:
            if self._clock.now() >= deadline:
                break
            sent.append(self._send(case.name))
            self._stack.vendors.fail(self._scenario, case.first, Fault(status=500))
            sent.append(self._send(case.name))
            self._stack.vendors.clear_faults(self._scenario)
            self._pause(self._client.settle_seconds)
        sent = sent or [self._send()]
        self._clock.sleep(LATE_ATTEMPT_SECONDS)
        attempts = self._stack.attempts(since=start)
        requests = match_attempts(sent, attempts, start)
        names = name_observations(self._client.cases, answering_models(sent, attempts, start))
        return Observation(requests, healthy_seconds, None, scale, attempts, names)

    def _send_all(self) -> list[SentRequest]:
        """Send the requests of the scenario; if each one takes long, only as many as needed."""
        deadline = self._clock.now() + ENOUGH_SECONDS
        sent: list[SentRequest] = []
        while len(sent) < max(self._scenario.requests, self._client.minimum_requests):
            if len(sent) >= self._client.minimum_requests and self._clock.now() >= deadline:
                break
            sent.append(self._send())
        return sent

    def _warm_up(self) -> float:
        """Let each LiteLLM do the work that it does once, and return the median duration of a healthy response."""
        if not self._scenario.answerable and self._client.cooldown_seconds < LONG_COOLDOWN_SECONDS:
            self._fail_once()
        gateways = len(self._stack.urls)
        sent = [self._send() for _ in range(WARM_UP_REQUESTS * gateways)]
        if error := next((one.error for one in sent[-gateways:] if one.error), ""):
            raise CheckFailed(f"{self._scenario.name}: a request failed before the fault started: {error}")
        return median(one.seconds for one in sent[gateways:])

    def _fail_once(self) -> None:
        """Let one request of each gateway fail on every model, and wait until the cooldowns end.

        Source: LiteLLM 1.106.2 counts the tokens of a request that no model answered. The first time, it loads its
        tables for that, which takes 0.4 s.
        """
        self._stack.vendors.set_faults(self._scenario)
        for _ in self._stack.urls:
            self._send()
        self._stack.vendors.clear_faults(self._scenario)
        self._clock.sleep(self._client.cooldown_seconds + LATE_ATTEMPT_SECONDS)

    def _send_until_primary_answers(self, ended: float) -> list[SentRequest]:
        """Send requests until the primary has answered one of each gateway, one after another."""
        sent: list[SentRequest] = []
        cooldown, gateways = self._client.cooldown_seconds, len(self._stack.urls)
        deadline = self._clock.now() + cooldown + RETURN_SECONDS
        while self._clock.now() < deadline:
            sent.append(self._send())
            last = match_attempts(sent, self._stack.attempts(since=ended), ended)[-gateways:]
            if len(last) == gateways and all(one.answered_by == PRIMARY for one in last):
                break
            self._clock.sleep(max(0.1, cooldown / REQUESTS_PER_COOLDOWN))
        return sent

    def _send(self, name: str = "") -> SentRequest:
        names = (self._client.model, *self._client.aliases)
        model = name or names[self._count // len(self._stack.urls) % len(names)]
        self._count += 1
        content = f"request {self._count} of {self._scenario.name}{self._client.run}"
        message = {"role": "user", "content": content}
        body: dict[str, object] = {"model": model, "max_tokens": 50, "messages": [message]}
        self._pause(self._client.gap_seconds)
        at, began = self._clock.wall().timestamp(), self._clock.now()
        try:
            error = self._send_streamed(body) if self._scenario.stream else self._send_plain(body)
        except FlowGateError as failure:
            error = failure.what[:200]
        return SentRequest(at, self._clock.now() - began, error, model)

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._clock.sleep(seconds)

    def _send_plain(self, body: dict[str, object]) -> str:
        headers, timeout = self._stack.headers, self._client.timeout_seconds
        response = self._http.post(self._url, body, headers=headers, timeout=timeout)
        return "" if response.ok else f"{response.status} {response.text[:300]}"

    def _send_streamed(self, body: dict[str, object]) -> str:
        headers, timeout = self._stack.headers, self._client.timeout_seconds
        lines = self._http.stream(self._url, {**body, "stream": True}, headers=headers, timeout=timeout)
        choices = [choice for chunk in chunks(lines) for choice in chunk.get("choices", ())]
        return "" if any(choice.get("finish_reason") for choice in choices) else "the stream ended early"

    @property
    def _url(self) -> str:
        """Return where the current request goes: the gateways take turns."""
        urls = self._stack.urls
        return f"{urls[(self._count - 1) % len(urls)]}/v1/chat/completions"

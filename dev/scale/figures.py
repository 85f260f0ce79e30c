"""What was measured on one machine, and what is assumed. The model knows no other number."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Costs of the parts of a gateway.

    A LiteLLM worker is one process on one core. A request costs it less CPU when others are in progress: measured alone
    and with 24 in progress, and taken as falling with the logarithm of their number in between.

    Attributes:
        alone_ms: CPU of one request while no other is in progress.
        crowded_ms: CPU of one request while `crowd` are in progress; no request costs less.
        crowd: Requests in progress at which `crowded_ms` was measured.
        spread: Standard deviation of a request's CPU, as a share of its mean, with what a worker does beside its
            requests; chosen with `slices` so that 20 requests a second take as long as measured.
        slices: Pieces in which a worker's event loop does the CPU work of a request.
        piece_ms: CPU of one piece of a stream.
        switch_cpu_seconds: CPU of one new generation until it serves.
        balancer_us: CPU of HAProxy for one request, forwarded on kept connections.
        redis_commands: Commands to Redis of one worker in a second, with `redis_host` in the router's settings and
            without limits of rate: reads of cooldowns, at most every 0.1 s (measured with 8 clients).
        redis_us: CPU of the Redis server for one command.
    """

    alone_ms: float = 16.8
    crowded_ms: float = 12.4
    crowd: int = 24
    spread: float = 0.4
    slices: int = 8
    piece_ms: float = 0.62
    switch_cpu_seconds: float = 0.72
    balancer_us: float = 24.4
    redis_commands: float = 6.3
    redis_us: float = 25.0

    def request_seconds(self, in_progress: int) -> float:
        """Return the mean CPU of one request.

        Args:
            in_progress: Requests in progress in the worker, this one included.
        """
        share = min(1.0, math.log(max(1, in_progress)) / math.log(self.crowd))
        return (self.alone_ms - (self.alone_ms - self.crowded_ms) * share) / 1000


@dataclass(frozen=True, slots=True)
class Assumed:
    """What stands outside a gateway, and was not measured.

    Attributes:
        vendor_seconds: Mean duration of a plain answer of a vendor.
        vendor_spread: Sigma of its logarithm.
        stream_share: Share of the requests that are streams.
        stream_seconds: Duration of a stream.
        stream_pieces: Pieces of a stream.
        failure_seconds: Time in which a vendor that is down answers with an error.
        allowed_fails: Failed requests that LiteLLM allows before the next one starts a cooldown.
        cooldown_seconds: Duration of a cooldown.
        shared_after_seconds: Time after which a cooldown in Redis is known to the other workers.
    """

    vendor_seconds: float = 1.5
    vendor_spread: float = 0.6
    stream_share: float = 0.3
    stream_seconds: float = 10.0
    stream_pieces: int = 300
    failure_seconds: float = 0.3
    allowed_fails: int = 1
    cooldown_seconds: float = 60.0
    shared_after_seconds: float = 0.1


def mean_cpu_seconds(figures: Figures, assumed: Assumed) -> float:
    """Return the mean CPU of one request of the assumed mix, in a busy worker.

    Args:
        figures: Costs of the parts.
        assumed: The mix.
    """
    return figures.crowded_ms / 1000 + assumed.stream_share * assumed.stream_pieces * figures.piece_ms / 1000

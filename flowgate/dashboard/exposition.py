"""Write metrics in Prometheus' text format, version 0.0.4.

The tests read it with `prometheus_client.parser`. That package writes the format too, but the dashboard would hold
1.6 MB more for it, which is more than it may.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
NONE = "none"  # Prometheus takes an empty label for a missing one


@dataclass(slots=True)
class Metric:
    """A metric and its samples.

    Attributes:
        name: Its name, without the `_total` of a counter.
        kind: counter, gauge or histogram.
        meaning: What it is, in one sentence.
        labels: Names of its labels.
        samples: The values, by the values of the labels.
    """

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...] = ()
    samples: dict[tuple[str, ...], float] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """The name of its samples; histograms have several."""
        return f"{self.name}_total" if self.kind == "counter" else self.name

    def add(self, labels: Iterable[object], value: float) -> None:
        """Add to a sample.

        Args:
            labels: Values of the labels, in their order.
            value: The value.
        """
        key = tuple(str(one) or NONE for one in labels)
        self.samples[key] = self.samples.get(key, 0) + value

    def raise_to(self, labels: Iterable[object], value: float) -> None:
        """Set a sample, unless it is larger.

        Args:
            labels: Values of the labels, in their order.
            value: The value.
        """
        key = tuple(str(one) or NONE for one in labels)
        self.samples[key] = max(self.samples.get(key, 0), value)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the metric; none without a sample."""
        if self.samples:
            yield from self.heading()
        for key, value in self.samples.items():
            yield sample(self.full_name, zip(self.labels, key, strict=True), value)

    def heading(self) -> Iterator[str]:
        """Yield the lines before the samples."""
        yield f"# HELP {self.full_name} {self.meaning}"
        yield f"# TYPE {self.full_name} {self.kind}"


@dataclass(slots=True)
class Distribution(Metric):
    """A histogram with its samples.

    Attributes:
        bounds: Upper bounds of its buckets, ascending, without the infinite one.
        counts: For the values of the labels: how many are in each bucket, the infinite one included, and their sum.
    """

    bounds: tuple[float, ...] = ()
    counts: dict[tuple[str, ...], tuple[list[int], float]] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the metric; none without a sample."""
        if self.counts:
            yield from self.heading()
        edges = [*(f"{one:g}" for one in self.bounds), "+Inf"]
        for key, (counts, total) in self.counts.items():
            labels = list(zip(self.labels, key, strict=True))
            for edge, count in zip(edges, itertools.accumulate(counts), strict=True):
                yield sample(f"{self.name}_bucket", [*labels, ("le", edge)], count)
            yield sample(f"{self.name}_sum", labels, total)
            yield sample(f"{self.name}_count", labels, sum(counts))


def sample(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    """Return the line of a sample.

    Args:
        name: Its name.
        labels: Names and values of its labels.
        value: Its value.
    """
    shown = ",".join(f'{label}="{text.translate(ESCAPES)}"' for label, text in labels)
    number = str(value) if isinstance(value, int) else repr(round(value, 9))
    return f"{name}{{{shown}}} {number}" if shown else f"{name} {number}"


def to_text(metrics: Iterable[Metric]) -> str:
    """Return metrics as text.

    Args:
        metrics: The metrics.
    """
    return "".join(f"{line}\n" for one in metrics for line in one.lines())


def folded(histogram: Mapping[float, int], bounds: tuple[float, ...]) -> list[int]:
    """Return how many of some durations are in each bucket, the infinite one included.

    Args:
        histogram: How many there are, by their upper bound.
        bounds: Upper bounds of the buckets, ascending.
    """
    counts = [0] * (len(bounds) + 1)
    for upper, count in histogram.items():
        place = next((number for number, bound in enumerate(bounds) if upper <= bound * 1.0001), len(bounds))
        counts[place] += count
    return counts

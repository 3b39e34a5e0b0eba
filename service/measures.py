"""What is counted and measured while the service runs; names of routes and acts only, of nobody.

One process counts in one thread, so that counting is adding to a number; what Prometheus reads is made of it when it
asks.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class Spread:
    """How a figure spreads: how often it was at most each bound, and its sum."""

    __slots__ = ("bounds", "found", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.found = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, figure: float) -> None:
        """Take in one figure."""
        self.found[bisect_left(self.bounds, figure)] += 1
        self.total += figure

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many were at most each bound, as Prometheus has it."""
        names = [*map(str, self.bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self.found)), strict=True))


def of_seconds() -> Spread:
    """Return an empty spread of seconds."""
    return Spread(SECONDS)


def of_sizes() -> Spread:
    """Return an empty spread of how many go together."""
    return Spread(SIZES)


@dataclass(slots=True)
class Road:
    """What came by one method and route: answers by status, and how long they took."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: Spread = field(default_factory=of_seconds)


@dataclass(slots=True)
class Work:
    """What became of one act: how often by outcome, refusals by code, how long it took, how many went together."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    seconds: Spread = field(default_factory=of_seconds)
    sizes: Spread = field(default_factory=of_sizes)


@dataclass(slots=True, eq=False)
class Measures:
    """Everything that this process has counted."""

    roads: defaultdict[tuple[str, str], Road] = field(default_factory=lambda: defaultdict(Road))
    works: defaultdict[str, Work] = field(default_factory=lambda: defaultdict(Work))
    in_progress: int = 0

    def collect(self) -> Iterable[Metric]:
        """Give it as Prometheus reads it."""
        yield GaugeMetricFamily(
            "trennwand_requests_in_progress", "Requests that wait for their answer now", self.in_progress
        )
        yield from self._requests()
        yield from self._acts()

    def _requests(self) -> Iterable[Metric]:
        names = ("method", "route")
        requests = CounterMetricFamily("trennwand_requests", "Requests answered", labels=(*names, "status"))
        seconds = HistogramMetricFamily(
            "trennwand_request_seconds", "From a request's first byte to the end of its answer", labels=names
        )
        for (method, route), road in self.roads.items():
            for status, times in road.statuses.items():
                requests.add_metric((method, route, str(status)), times)
            seconds.add_metric((method, route), road.seconds.buckets(), road.seconds.total)
        yield from (requests, seconds)

    def _acts(self) -> Iterable[Metric]:
        acts = CounterMetricFamily(
            "trennwand_acts",
            "Acts by outcome: done, repeated (answered before under its key), refused, failed",
            labels=("act", "outcome"),
        )
        refusals = CounterMetricFamily(
            "trennwand_refusals", "Acts refused, by the refusal's code", labels=("act", "code")
        )
        seconds = HistogramMetricFamily(
            "trennwand_act_seconds",
            "From the decision to the commit of an act, or of the set it was committed with",
            labels=("act",),
        )
        sizes = HistogramMetricFamily("trennwand_set_size", "Requests committed together", labels=("act",))
        for act, work in self.works.items():
            for outcome, times in work.outcomes.items():
                acts.add_metric((act, outcome), times)
            for code, times in work.refusals.items():
                refusals.add_metric((act, code), times)
            seconds.add_metric((act,), work.seconds.buckets(), work.seconds.total)
            if work.sizes.total:
                sizes.add_metric((act,), work.sizes.buckets(), work.sizes.total)
        yield from (acts, refusals, seconds, sizes)


MEASURES: Final = Measures()
REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
REGISTRY.register(MEASURES)

"""Counts and times of requests, cheap enough for every one: plain numbers, made into metrics when they are read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class RequestMeasure(Collector):
    """Answers by status, and the time to their first byte."""

    def __init__(self) -> None:
        self._by_status: dict[int, int] = {}
        self._buckets = [0] * (len(BOUNDS_S) + 1)
        self._total_s = 0.0

    def note(self, status: int, seconds: float) -> None:
        """One answer began."""
        self._by_status[status] = self._by_status.get(status, 0) + 1
        self._buckets[bisect_left(BOUNDS_S, seconds)] += 1
        self._total_s += seconds

    def collect(self) -> Iterator[Metric]:
        """The metrics as Prometheus reads them."""
        answers = CounterMetricFamily("vermilion_http_requests", "Answers by status.", labels=["status"])
        for status, count in sorted(self._by_status.items()):
            answers.add_metric([str(status)], count)
        yield answers
        times = HistogramMetricFamily(
            "vermilion_http_request_seconds", "Time to the first byte of the answer."
        )
        so_far, buckets = 0, []
        for bound, count in zip((*BOUNDS_S, "+Inf"), self._buckets, strict=True):
            so_far += count
            buckets.append((str(bound), so_far))
        times.add_metric([], buckets, self._total_s)
        yield times


MEASURE = RequestMeasure()
REGISTRY.register(MEASURE)

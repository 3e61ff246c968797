"""What a service counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from tagger.serving.batcher import Batcher

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """Counters of one service, in a registry of their own."""

    def __init__(self, batcher: Batcher) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter("tagger_requests", "Requests that ended", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "tagger_request_seconds", "From the headers to the last byte", ["path"], buckets=_SECONDS, registry=registry
        )
        self.running = Gauge("tagger_requests_running", "Requests that are being answered", registry=registry)
        for name, meaning, value in (
            ("tagger_jobs_waiting", "Jobs that no batch has taken yet", lambda: batcher.waiting),
            ("tagger_words_total", "Words that were tagged", lambda: batcher.words),
            ("tagger_batches_total", "Batches that were tagged", lambda: batcher.batches),
        ):
            Gauge(name, meaning, registry=registry).set_function(value)

    def ended(self, path: str, status: int, seconds: float) -> None:
        """Counts a request. There are few values of `path`: the routes, and one for all that is not found."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All values, as Prometheus reads them."""
        return generate_latest(self._registry)

"""What Prometheus may know of a running server: counts and times, never what was asked or about whom."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
MOST_WORDS = 60  # different values of one label; later ones are counted as "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
FILMS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The numbers of one server, in a registry of its own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(namespace="", registry=registry)
        self._words: dict[str, set[str]] = {}

        def counter(name: str, said: str, *labels: str) -> Counter:
            return Counter(f"embedlearn_{name}", said, labels, registry=registry)

        def gauge(name: str, said: str, *labels: str) -> Gauge:
            return Gauge(f"embedlearn_{name}", said, labels, registry=registry)

        def histogram(name: str, said: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"embedlearn_{name}", said, labels, buckets=buckets, registry=registry)

        self._requests = counter("requests", "Requests answered.", "method", "route", "status")
        self._request_seconds = histogram("request_seconds", "Time to the end of an answer.", SECONDS, "route")
        self._in_flight = gauge("requests_in_flight", "Requests under way.")
        self._received = counter("received_bytes", "Bytes of request bodies.")
        self._sent = counter("sent_bytes", "Bytes of answers' bodies.")
        self._refused = counter("refused", "Requests refused, by the word of the refusal.", "code")
        self._decoded = counter("films_decoded", "Films decoded.")
        self._decode_seconds = histogram("decode_seconds", "Time to decode a film.", SECONDS)
        self._decode_failures = counter("decode_failures", "Films that could not be decoded.", "kind")
        self._batch = histogram("batch_films", "Films that were encoded together.", FILMS)
        self._encoder_seconds = histogram("encoder_seconds", "Time to encode a batch.", SECONDS)
        self._waiting = gauge("films_waiting", "Films that wait for the encoder.")
        self._gallery = gauge(
            "gallery_generation", "The generation of the gallery that is answered from.", "generation"
        )
        self._reloads = counter("gallery_reloads", "Generations that took another's place.")

    def request(self, method: str, route: str, status: int, seconds: float, received: int, sent: int) -> None:
        """A request was answered; `route` is a template, never a path. Bytes are those of the bodies."""
        method, route = method if method in METHODS else "other", self._word("route", route)
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)
        self._received.inc(received)
        self._sent.inc(sent)

    def refused(self, code: str) -> None:
        """A request was refused, for the reason that this word names."""
        self._refused.labels(self._word("code", code)).inc()

    @contextlib.contextmanager
    def in_flight(self) -> Iterator[None]:
        """While one request is under way."""
        self._in_flight.inc()
        try:
            yield
        finally:
            self._in_flight.dec()

    def decoded(self, seconds: float) -> None:
        """A film was decoded in this time."""
        self._decoded.inc()
        self._decode_seconds.observe(seconds)

    def not_decoded(self, kind: str) -> None:
        """A film could not be decoded; `kind` is one of a few words."""
        self._decode_failures.labels(self._word("kind", kind)).inc()

    def encoded(self, films: int, seconds: float) -> None:
        """So many films were encoded together in this time."""
        self._batch.observe(films)
        self._encoder_seconds.observe(seconds)

    def waiting(self, films: int) -> None:
        """So many films wait for the encoder now."""
        self._waiting.set(films)

    def gallery(self, generation: str) -> None:
        """Answers come from this generation of the gallery from now on; the first is no reload."""
        if self._words.setdefault("generation", set()):
            self._reloads.inc()
        self._words["generation"] = {generation}
        self._gallery.clear()
        self._gallery.labels(generation).set(1)

    def exposition(self) -> tuple[bytes, str]:
        """All numbers as Prometheus reads them, and the content type of that text."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _word(self, label: str, value: str) -> str:
        """The value, or `other` where the label has had too many."""
        known = self._words.setdefault(label, set())
        if value not in known and len(known) >= MOST_WORDS:
            return "other"
        known.add(value)
        return value

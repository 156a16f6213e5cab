import threading

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from embedlearn.web.guard.metrics import MOST_WORDS, Metrics


def values(metrics):
    """Every sample by its name and its labels."""
    text, kind = metrics.exposition()
    assert kind.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found[(sample.name, tuple(sorted(sample.labels.items())))] = sample.value
    return found


def value(metrics, name, **labels):
    return values(metrics)[(f"embedlearn_{name}", tuple(sorted(labels.items())))]


def test_requests_are_counted_and_timed():
    metrics = Metrics()
    for seconds in (0.003, 0.2, 40.0):
        metrics.request("POST", "/v1/embed", 200, seconds, received=100, sent=10)
    metrics.request("GET", "/v1/cases/{id}", 404, 0.001, received=0, sent=5)
    labels = {"method": "POST", "route": "/v1/embed", "status": "200"}
    assert value(metrics, "requests_total", **labels) == 3
    assert value(metrics, "request_seconds_sum", route="/v1/embed") == pytest.approx(40.203)
    assert value(metrics, "request_seconds_bucket", route="/v1/embed", le="0.25") == 2
    assert value(metrics, "received_bytes_total") == 300 and value(metrics, "sent_bytes_total") == 35


def test_labels_have_few_values():
    metrics = Metrics()
    for number in range(1000):
        metrics.request(f"M{number}", f"/{number}", 200, 0.1, 0, 0)
        metrics.refused(f"code-{number}")
        metrics.not_decoded(f"kind-{number}")
        metrics.gallery(f"generation-{number}")
    found = values(metrics)
    for label in ("route", "code", "kind"):
        assert len({dict(labels)[label] for _, labels in found if label in dict(labels)}) == MOST_WORDS + 1
    assert {dict(labels)["method"] for _, labels in found if "method" in dict(labels)} == {"other"}
    assert value(metrics, "refused_total", code="other") == 1000 - MOST_WORDS


def test_requests_under_way():
    metrics = Metrics()
    with pytest.raises(OSError, match="torn"), metrics.in_flight(), metrics.in_flight():
        assert value(metrics, "requests_in_flight") == 2
        raise OSError("torn")
    assert value(metrics, "requests_in_flight") == 0


def test_films_batches_and_the_gallery():
    metrics = Metrics()
    metrics.decoded(0.02)
    metrics.decoded(0.04)
    metrics.not_decoded("torn")
    metrics.encoded(3, 0.1)
    metrics.waiting(7)
    metrics.gallery("first")
    assert value(metrics, "gallery_reloads_total") == 0
    metrics.gallery("second")
    assert value(metrics, "films_decoded_total") == 2
    assert value(metrics, "decode_seconds_sum") == pytest.approx(0.06)
    assert value(metrics, "decode_failures_total", kind="torn") == 1
    assert value(metrics, "batch_films_bucket", le="2.0") == 0 and value(metrics, "batch_films_bucket", le="4.0") == 1
    assert value(metrics, "films_waiting") == 7 and value(metrics, "gallery_reloads_total") == 1
    assert [labels for name, labels in values(metrics) if name == "embedlearn_gallery_generation"] == [
        (("generation", "second"),)
    ]


def test_two_servers_know_nothing_of_each_other():
    before = {family.name for family in REGISTRY.collect()}
    one, two = Metrics(), Metrics()
    one.refused("token")
    assert not [name for name, _ in values(two) if name == "embedlearn_refused_total"]
    assert {family.name for family in REGISTRY.collect()} == before
    assert [name for name, _ in values(one) if name == "process_resident_memory_bytes"]


def test_counts_from_many_threads_add_up():
    metrics = Metrics()
    threads = [threading.Thread(target=lambda: [metrics.decoded(0.5) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "films_decoded_total") == value(metrics, "decode_seconds_count") == 2000

"""What the API says of itself is true: thousands of requests made from its description are answered as it says."""

import warnings
from collections import Counter

import pytest
from engine_stand_in import LIMITS, StandIn
from jsonschema import Draft202012Validator

from embedlearn.web import forms
from embedlearn.web.api.app import make_app

OWN = ("Support", "Vectors")


class Counts:
    """Counts that never change."""

    def exposition(self):
        return b"films_total 3\n", "text/plain; version=1.0.0; charset=utf-8"


def app():
    return make_app(StandIn(), limits=LIMITS, metrics=Counts())


@pytest.fixture(scope="module")
def described():
    return app().openapi()


def operations(described):
    return [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]


def try_all(examples, seed, **only):
    """Failures of all of schemathesis' checks, and how many answers had each status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what it imports
        import schemathesis
        from schemathesis.config import SchemathesisConfig
        from schemathesis.engine import events, from_schema

    config = SchemathesisConfig.from_dict({
        "seed": seed,
        "generation": {"max-examples": examples, "database": "none"},
        "checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 413, 415, 422]}},
    })  # fmt: skip
    schema = schemathesis.openapi.from_asgi("/openapi.json", app(), config=config)
    schema = schema.include(**only) if only else schema
    failures, statuses = [], Counter()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            failures.append(repr(event))
        elif isinstance(event, events.ScenarioFinished):
            checks = [check for checks in event.recorder.checks.values() for check in checks]
            failures += [f"{one.name}: {one.failure_info.failure}" for one in checks if one.failure_info]
            answers = [one.response for one in event.recorder.interactions.values() if one.response]
            statuses.update(answer.status_code for answer in answers)
    return failures, statuses


def test_schemathesis_finds_nothing():
    failures, statuses = try_all(examples=5, seed=1)
    assert not failures, failures[0]
    assert {200, 400, 404, 405, 413, 422} <= set(statuses) and sum(statuses.values()) > 400


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_schemathesis_finds_nothing_in_a_long_search(seed):
    failures, statuses = try_all(examples=150, seed=seed)
    assert not failures, failures[0]
    assert sum(statuses.values()) > 1_500


def test_schemathesis_would_find_something(monkeypatch):
    """An answer that is not of its form, and an error that nobody foresaw."""
    monkeypatch.setattr(StandIn, "about", StandIn.examples)
    monkeypatch.setattr(StandIn, "points", lambda _: 1 / 0)
    found = " ".join(try_all(examples=1, seed=1, path=["/v1/about", "/v1/map"])[0])
    assert "response_schema_conformance" in found and "division by zero" in found


def test_every_operation_is_described(described):
    names = [one["operationId"] for _, _, one in operations(described)]
    assert len(names) == len(set(names)) and all(name.isidentifier() for name in names)
    for path, _, one in operations(described):
        assert one["summary"] and one["description"] and len(one["tags"]) == 1, path
        assert {tag["name"] for tag in described["tags"]} >= set(one["tags"])
        assert all(parameter.get("description") for parameter in one.get("parameters", ())), path


def test_every_refusal_has_the_one_form(described):
    for path, method, one in operations(described):
        wanted = {"400", "401", "403", "422", "429", "431", "500"}
        wanted |= {"408", "413", "415", "503", "504"} if method == "post" else set()
        assert wanted <= set(one["responses"]), path
        for status, response in one["responses"].items():
            assert response["description"], (path, status)
            if status != "200":
                content = response["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Refusal"}
                if "example" in content:
                    forms.Refusal.model_validate(content["example"])


def test_the_forms_are_those_of_the_types(described):
    """Each form under its own name, and each reference leads somewhere."""
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        if hasattr(forms, name):
            own = getattr(forms, name).model_json_schema(mode="validation" if name in OWN else "serialization")
            assert set(schema["properties"]) == set(own["properties"]), name
    assert {*OWN, "Refusal", "Read"} <= set(schemas)
    named = {value.rsplit("/", 1)[-1] for value in references(described)}
    assert named == set(schemas)


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_bodies_of_each_address(described):
    kinds = {path: one["requestBody"]["content"] for path, _, one in operations(described) if "requestBody" in one}
    assert set(kinds) == {"/v1/embed", "/v1/classify", "/v1/search", "/v1/explain", "/v1/read"}
    for path, content in kinds.items():
        assert {"multipart/form-data", "application/octet-stream", "image/png", "application/dicom"} <= set(content)
        assert ("application/json" in content) == (path in ("/v1/classify", "/v1/search"))
        parts = content["multipart/form-data"]["schema"]["properties"]
        assert parts["film"]["maxItems"] == (1 if path == "/v1/read" else LIMITS.films)
        assert ("support" in parts) == (path != "/v1/embed")
        if "application/json" in content:
            forms.Vectors.model_validate(content["application/json"]["example"])

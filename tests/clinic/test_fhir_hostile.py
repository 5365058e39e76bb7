"""Whatever is sent to the FHIR API, the answer is an outcome: no fault, nothing half-written."""

import json
import random
import resource
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enthesis.clinic import models
from enthesis.clinic.api.table import TYPES
from enthesis.exchange.strict_json import MOST_BYTES
from tests.clinic.fhir import EVERY, get, post, program, said

SHARED = Path(__file__).parents[3] / "shared/real"
JSON = "application/fhir+json"


@pytest.fixture
def asking(clinic: models.Clinic) -> Client:
    return program(clinic)


def answered(response: Any) -> Any:
    """An answer that is no fault of ours."""
    assert response.status_code < 500, (response.status_code, response.content[:500])
    return said(response, response.status_code)


def naughty() -> list[str]:
    path = SHARED / "naughty-strings/blns.json"
    if not path.exists():
        pytest.skip("the folder shared/ with the naughty strings is not on this machine")
    found: list[str] = json.loads(path.read_text())
    return [*found, "\0", "\ud800", "9" * 400, "1" + "0" * 400, str(2**63), "\u202e\u0300" * 40]


@pytest.mark.alike
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"a":' * 100_000, 400, "nested too deeply"),
        (b'{"resourceType": "Bundle", "resourceType": "Patient"}', 400, "is there twice"),
        (b'{"resourceType": NaN}', 400, "NaN is no number"),
        (b'{"resourceType": "\\ud800"}', 400, "half of a surrogate pair"),
        (b'{"resourceType": "Patient\\u0000"}', 400, "NUL"),
        (b'{"resourceType": 1e999999999}', 400, "no number of a sensible size"),
        (b'{"resourceType": ["Bundle"]}', 400, "is no resource"),
        (b"\xff\xfe", 400, "not UTF-8"),
        (b" ", 400, "not JSON"),
    ],
)
def test_a_hostile_body_is_refused_with_what_is_wrong_with_it(
    asking: Client, body: bytes, status: int, words: str
) -> None:
    told = post(asking, "", body, status)
    assert words in told["issue"][0]["diagnostics"]


class Endless:
    """A body that says how long it is and counts what is read of it."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        self.read_bytes += size
        return b" " * size

    readline = read


@pytest.mark.alike
def test_a_body_of_a_hundred_megabytes_is_refused_before_it_is_read(asking: Client) -> None:
    body, before = Endless(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path, kind in (("", JSON), ("Patient/_search", "application/x-www-form-urlencoded")):
        response = asking.generic("POST", f"/fhir/{path}", b"", content_type=kind,
                                  **{"wsgi.input": body, "CONTENT_TYPE": kind,
                                     "CONTENT_LENGTH": str(10**8)})  # fmt: skip
        assert said(response, 413)["issue"][0]["code"] == "too-long"
    assert body.read_bytes == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB
    body = Endless()
    response = asking.generic("POST", "/fhir/", b"", content_type=JSON,
                              **{"wsgi.input": body, "CONTENT_TYPE": JSON,
                                 "CONTENT_LENGTH": "-1"})  # fmt: skip
    assert said(response, 413) and body.read_bytes <= MOST_BYTES + 1


@pytest.mark.alike
def test_naughty_text_in_any_parameter_address_and_header_is_answered(asking: Client) -> None:
    texts = naughty()[::EVERY] + naughty()[-6:]
    places = [(kind.name, param.name) for kind in TYPES.values() for param in kind.params]
    places += [("Patient", name) for name in (
        *("_count", "_sort", "_include", "_revinclude", "_page", "_total", "_summary", "_format"),
        *("name:exact", "name:contains", "name:missing", "birthdate:x", "x"),
    )]  # fmt: skip
    dealt = random.Random(4)  # noqa: S311
    for n, text in enumerate(texts):
        asked = quote(text, errors="surrogatepass")
        kind, param = places[n % len(places)]
        other = dealt.choice(places)
        answered(asking.get(f"/fhir/{kind}?{param}={asked}"))
        answered(asking.get(f"/fhir/{other[0]}?{other[1]}={asked}"))
        answered(asking.get(f"/fhir/Patient?{asked}={asked}"))
        if n % 4 == 0:
            answered(asking.get(f"/fhir/Patient/{asked.replace('/', '%2F')}x"))
            answered(asking.get(f"/fhir/$export-status/{asked.replace('/', '%2F')}"))
            plain = text.encode("utf-8", "replace").decode("latin-1")
            answered(asking.get("/fhir/Organization", headers={"Accept": plain}))
            answered(asking.get("/fhir/Organization", headers={"Prefer": plain}))
            answered(asking.get("/fhir/Patient", headers={"Authorization": f"Bearer {plain}"}))


@pytest.mark.alike
def test_naughty_text_in_any_field_of_what_is_sent_is_answered(
    clinic: models.Clinic, asking: Client
) -> None:
    before = models.Patient.objects.count(), models.User.objects.count()
    tag = {"tag": [{"system": "https://enthesis.example/fhir/CodeSystem/record", "code": "Person"}]}
    whole = {
        "resourceType": "Patient", "id": "p", "meta": tag,
        "identifier": [{"system": "https://enthesis.example/fhir/patient-number", "value": "5"}],
        "name": [{"family": "A", "given": ["B"]}], "gender": "female", "birthDate": "1980-01-01",
    }  # fmt: skip
    fields = ["id", "meta", "identifier", "name", "gender", "birthDate", "telecom", "contact"]
    for n, text in enumerate(naughty()[::EVERY] + naughty()[-6:]):
        if "\0" in text or "\ud800" in text:
            continue
        name = fields[n % len(fields)]
        for value in (text, [text], {"value": text}, [{"value": text, "system": text}]):
            one = {**whole, name: value}
            body = {"resourceType": "Bundle", "type": "transaction", "entry": [
                {"fullUrl": text, "resource": one, "request": {"method": "POST", "url": "Patient"}}
            ]}  # fmt: skip
            told = answered(asking.post("/fhir/", json.dumps(body), content_type=JSON))
            assert told["resourceType"] in ("OperationOutcome", "Bundle")
    for part in ("fullUrl", "request", "resource"):
        entry = {"fullUrl": "urn:uuid:p", "resource": whole,
                 "request": {"method": "POST", "url": "Patient"}, part: naughty()[-1]}  # fmt: skip
        body = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        answered(asking.post("/fhir/", json.dumps(body), content_type=JSON))
    # What was taken was the whole record every time: one patient, of one family name.
    assert models.User.objects.count() == before[1]
    assert models.Patient.objects.exclude(family="A").count() == before[0]


words = st.sampled_from(["$", "_", "Patient", "Bundle", "%00", "%ff", "..", ";", "metadata", "\n"])


@pytest.mark.alike
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.lists(words | st.text(max_size=8), max_size=4).map("/".join),
    query=st.lists(words | st.text(max_size=12), max_size=5).map("&".join),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"]),
    accept=st.sampled_from(["", "*/*", "text/html", JSON, "application/json;q=x", ",;,=,"]),
    body=st.binary(max_size=40),
)
def test_any_request_is_answered_with_a_resource(
    asking: Client, path: str, query: str, method: str, accept: str, body: bytes
) -> None:
    address = "/fhir/" + quote(path, safe="/%$;") + "?" + quote(query, safe="&=%", errors="replace")
    response = asking.generic(method, address, body, content_type=JSON,
                              headers={"Accept": accept})  # fmt: skip
    assert response.status_code < 500
    if method != "HEAD" and response.status_code != 202:
        assert "resourceType" in json.loads(response.content)


def test_an_unreachable_database_is_said_to_be_so(
    asking: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr("enthesis.clinic.api.views.search", away)
    response = asking.get("/fhir/Patient")
    assert said(response, 503) and response["Retry-After"] == "60"


def test_what_does_not_even_reach_the_api_is_an_outcome_too(asking: Client) -> None:
    response = asking.get("/fhir/Patient", headers={"Host": "elsewhere.example"})
    assert said(response, 400)
    assert get(asking, "a%0Ab", 404)

"""A program with a token, and a record of every type that is served, for the tests of the API."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django.test import Client

from enthesis.clinic import image_files, models
from enthesis.clinic.actions.api_tokens import make_token
from tests.clinic.files import png
from tests.clinic_fixtures import make_user

# Of long lists of hostile and foreign texts; all of them take minutes: ENTHESIS_EVERY=1.
EVERY = int(os.environ.get("ENTHESIS_EVERY", "15"))
ALL = "user/*.cruds system/*.rs"
Program = Callable[..., Any]


def administrator(clinic: models.Clinic) -> models.User:
    role = models.Role.ADMINISTRATOR
    found = models.User.objects.filter(clinic=clinic, role=role).first()
    return found or make_user(clinic, f"admin_of_{clinic.pk}", role)


def token_for(clinic: models.Clinic, scopes: str = ALL, days: int = 30) -> tuple[Any, str]:
    return make_token(administrator(clinic), "A Program", scopes, days)


def program(clinic: models.Clinic, scopes: str = ALL) -> Client:
    """A client with a token of the clinic."""
    return bearing(token_for(clinic, scopes)[1])


def bearing(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def get(client: Client, path: str, status: int = 200, **headers: str) -> Any:
    """The resource at a path below the API; an error must be an outcome."""
    return said(client.get(f"/fhir/{path}", headers=headers), status)


def post(client: Client, path: str, body: Any, status: int = 200) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = client.post(f"/fhir/{path}", data, content_type="application/fhir+json")
    return said(response, status)


def said(response: Any, status: int) -> Any:
    told = json.loads(response.content)
    assert response.status_code == status, told
    assert response["Content-Type"].startswith("application/fhir+json")
    assert (told["resourceType"] == "OperationOutcome") == (status >= 400), told
    return told


def ids(bundle: Any, mode: str = "match") -> list[str]:
    return [
        f"{one['resource']['resourceType']}/{one['resource']['id']}"
        for one in bundle.get("entry", ())
        if one["search"]["mode"] == mode
    ]


def link(bundle: Any, relation: str) -> str | None:
    """Where a link leads, below the API."""
    for one in bundle["link"]:
        if one["relation"] == relation:
            return str(one["url"].partition("/fhir/")[2])
    return None


def fill(clinic: models.Clinic, words: str = "words") -> models.Course:
    """What the invented clinic has none of: consent, file, arrangement, deposit, harm."""
    course = models.Course.objects.filter(patient__clinic=clinic).order_by("id")[0]
    by = models.User.objects.filter(clinic=clinic, role="clinician").order_by("id")[0]
    at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    models.Consent.objects.create(
        course=course, fact="signed", name=words, pdf=b"%PDF", pdf_sha256="0" * 64, at=at,
        plan=course.plans.first(),
    )  # fmt: skip
    models.CourseFile.objects.create(
        course=course, name=f"{words}.png", content_type="image/png", size_bytes=len(png()),
        sha256=image_files.keep(png()), by=by, at=at,
    )  # fmt: skip
    models.Arrangement.objects.create(
        course=course, agreed_on=date(2026, 11, 2), currency="USD", parts=[], by=by, at=at,
        request_key=f"arranged-{course.pk}",
    )  # fmt: skip
    models.LedgerEntry.objects.create(
        clinic=clinic, course=course, kind="deposit", paper="receipt", number=90_001, amount=50,
        currency="USD", method="cash", on=date(2026, 11, 2), request_key=f"paid-{course.pk}",
        reason=words, by=by,
    )  # fmt: skip
    models.AdverseEvent.objects.create(
        course=course, session=course.sessions.first(), kind="flare", onset_on=date(2026, 11, 2),
        grade=1, serious=False, outcome="goes_on", what_happened=words, by=by,
        request_key=f"harm-{course.pk}", at=at,
    )  # fmt: skip
    return course


def begin(client: Client, path: str = "$export") -> str:
    """Begin an export; where to ask after it."""
    response = client.get(f"/fhir/{path}", headers={"Prefer": "respond-async"})
    assert response.status_code == 202, response.content
    return str(response["Content-Location"].partition("/fhir/")[2])


def fetched(client: Client, manifest: Any) -> dict[str, list[Any]]:
    """The files of an export, by type."""
    found = {}
    for one in manifest["output"]:
        response = client.get("/fhir/" + one["url"].partition("/fhir/")[2])
        assert response["Content-Type"] == "application/fhir+ndjson"
        lines = b"".join(response.streaming_content).decode().splitlines()
        found[one["type"]] = [json.loads(line) for line in lines]
        assert len(lines) == one["count"]
    return found

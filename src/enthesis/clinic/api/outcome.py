"""What the API says when it cannot do what was asked: always an OperationOutcome."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

FHIR_JSON = "application/fhir+json"
VERSION = "4.0"
CONTENT_TYPE = f"{FHIR_JSON}; fhirVersion={VERSION}; charset=utf-8"
# Status → the code of R4's value set issue-type that says the same.
CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    409: "conflict",
    410: "deleted",
    412: "multiple-matches",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    500: "exception",
    503: "transient",
}


class ApiError(Exception):
    """Not done: `text` says what is wrong and what to do; `where` are places in what was sent."""

    def __init__(
        self,
        status: int,
        text: str,
        code: str = "",
        where: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.issues = [issue(code or CODES[status], text, where)]
        self.headers = dict(headers or {})


def issue(code: str, text: str, where: str = "", severity: str = "error") -> dict[str, Any]:
    """One issue of an OperationOutcome."""
    told = {"severity": severity, "code": code, "diagnostics": text}
    return told | ({"expression": [where]} if where else {})


def refusal(status: int, issues: list[dict[str, Any]]) -> ApiError:
    """The error that says several things."""
    error = ApiError(status, "")
    error.issues = issues
    return error


def outcome(issues: list[dict[str, Any]]) -> dict[str, Any]:
    """The resource."""
    return {"resourceType": "OperationOutcome", "issue": issues}


def answer(
    body: Mapping[str, Any], status: int = 200, pretty: bool = False, **headers: str
) -> HttpResponse:
    """A resource as the body; `headers` with _ for -."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, indent=2 if pretty else None)
    response = HttpResponse(text, status=status, content_type=CONTENT_TYPE)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def refused(error: ApiError) -> HttpResponse:
    """The answer to what could not be done."""
    response = answer(outcome(error.issues), error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response

"""One thing that is wrong with a resource, as an OperationOutcome would say it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is a FHIR issue type, `expression` where ("QuestionnaireResponse.item[0]")."""

    severity: Severity
    code: str
    expression: str
    text: str


def errors(issues: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that make a resource invalid; warnings and information do not."""
    return tuple(issue for issue in issues if issue.severity == "error")


class Findings:
    """Collects what is found while a resource is walked through."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    def error(self, code: str, where: str, text: str) -> None:
        self.all.append(Finding("error", code, where, text))

    def warning(self, code: str, where: str, text: str) -> None:
        self.all.append(Finding("warning", code, where, text))

    def unchecked(self, where: str, text: str) -> None:
        """What nobody could check here, so that silence never passes for approval."""
        self.all.append(Finding("information", "not-supported", where, text))

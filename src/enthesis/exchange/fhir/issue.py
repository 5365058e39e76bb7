"""One thing that is wrong with a resource, as an OperationOutcome would say it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """`code` is FHIR's issue type, `expression` where ("QuestionnaireResponse.item[0]")."""

    severity: Severity
    code: str
    expression: str
    text: str


def errors(issues: tuple[Issue, ...]) -> tuple[Issue, ...]:
    """Those that make a resource invalid; warnings and information do not."""
    return tuple(issue for issue in issues if issue.severity == "error")


class Findings:
    """Collects issues while a resource is walked through."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def error(self, code: str, where: str, text: str) -> None:
        self.issues.append(Issue("error", code, where, text))

    def warning(self, code: str, where: str, text: str) -> None:
        self.issues.append(Issue("warning", code, where, text))

    def unchecked(self, where: str, text: str) -> None:
        """What nobody could check here, so that silence never passes for approval."""
        self.issues.append(Issue("information", "not-supported", where, text))

"""What is wrong with resources, as an OperationOutcome says it."""

from collections.abc import Iterable
from dataclasses import dataclass

from enthesis.exchange.fhir.extension import Resource

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong. `code` is one of FHIR's issue types (structure, not-supported,
    not-found, duplicate, value); `expression` the place, beginning with the type and id of the
    resource; `text` what is wrong and what to do."""

    code: str
    expression: str
    text: str


class FhirError(ValueError):
    """Resources that cannot be read as a whole: nothing of them was taken."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues = tuple(issues)
        named = "; ".join(f"{one.expression}: {one.text}" for one in self.issues[:MOST_NAMED])
        more = len(self.issues) - MOST_NAMED
        super().__init__(f"{named}; and {more} more" if more > 0 else named)


def outcome(issues: Iterable[Issue]) -> Resource:
    """The OperationOutcome of some issues."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": one.code,
                "diagnostics": one.text,
                "expression": [one.expression],
            }
            for one in issues
        ],
    }

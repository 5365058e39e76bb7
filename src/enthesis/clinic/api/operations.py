"""What is done beside reading and searching each type: with table.py the one source of the
CapabilityStatement (metadata.py) and of the OpenAPI description (openapi.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from enthesis.clinic.api.table import TYPES

HL7 = "http://hl7.org/fhir/OperationDefinition"
BULK = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
NOTHING, MANIFEST, LINES, CAPABILITY, DESCRIPTION = "", "manifest", "ndjson", "metadata", "openapi"
TAKES = (408, 409, 413, 415, 422)
"""What may also be answered where something is sent in the body."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address below the API.

    `answers`: what is answered when it is done, by status: a type of resource, or one of the words
    above. `refusals`: the statuses beside those that every address may give. `code`: FHIR's word
    for an interaction; `definition`: HL7's for an operation.
    """

    method: str
    path: str
    about: str
    answers: Mapping[int, str]
    refusals: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    code: str = ""
    definition: str = ""
    is_open: bool = field(default=False)

    @property
    def of(self) -> str:
        """The type that it is of; empty: of the API as a whole."""
        first = self.path.partition("/")[0]
        return first if first in TYPES else ""


_EXPORT = {
    "method": "GET", "answers": {202: "OperationOutcome"}, "refusals": (429,),
    "parameters": ("_type", "_since", "_outputFormat"), "headers": ("Prefer",),
}  # fmt: skip
SHOWN = ("_format", "_pretty")
OPERATIONS = (
    Operation("GET", "metadata", "what the API can do", {200: CAPABILITY},
              parameters=("mode", *SHOWN), is_open=True),
    Operation("GET", "openapi.json", "what the API can do, for tools that read OpenAPI",
              {200: DESCRIPTION}, parameters=SHOWN, is_open=True),
    Operation("POST", "", "take whole patients, all of them or none", {200: "Bundle"}, TAKES,
              SHOWN, ("Bundle",), code="transaction"),
    Operation(path="$export", about="begin to take everything out",
              definition=f"{BULK}/export", **_EXPORT),  # type: ignore[arg-type]
    Operation(path="Patient/$export", about="begin to take all patients out",
              definition=f"{BULK}/patient-export", **_EXPORT),  # type: ignore[arg-type]
    Operation("GET", "$export-status/{job}", "how far an export is, and its files",
              {200: MANIFEST, 202: NOTHING}, (404, 422), SHOWN),
    Operation("DELETE", "$export-status/{job}", "take an export away", {202: NOTHING}, (404,),
              SHOWN),
    Operation("GET", "$export-file/{job}/{file}", "one file of an export", {200: LINES}, (404,)),
    Operation("GET", "Patient/{id}/$everything", "all that there is of one patient",
              {200: "Bundle"}, (404,), ("_type", *SHOWN), definition=f"{HL7}/Patient-everything"),
    Operation("POST", "QuestionnaireResponse", "take one set of answers",
              {200: "OperationOutcome", 201: "OperationOutcome"}, TAKES, SHOWN,
              ("QuestionnaireResponse",), ("If-None-Exist",), code="create"),
    *(
        Operation("POST", f"{kind}/$validate", "judge one, and write nothing",
                  {200: "OperationOutcome"}, TAKES, SHOWN, (kind, "Parameters"),
                  definition=f"{HL7}/Resource-validate")
        for kind in ("QuestionnaireResponse", "Questionnaire")
    ),
)  # fmt: skip


def operations_of(kind: str) -> Iterator[dict[str, str]]:
    """HL7's operations of a type, or with "" of the whole API, as FHIR names them."""
    for one in OPERATIONS:
        if one.of == kind and one.definition:
            name = one.path.rpartition("$")[2]
            yield {"name": name, "definition": one.definition}


def codes_of(kind: str) -> list[str]:
    """FHIR's words for the interactions beside reading and searching."""
    return [one.code for one in OPERATIONS if one.of == kind and one.code]

"""What a request asks for: which format, who asks, with which parameters and which body."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest
from django.utils import timezone

from enthesis.clinic.actions import api_tokens
from enthesis.clinic.api.outcome import FHIR_JSON, VERSION, ApiError
from enthesis.clinic.api.scopes import Scopes, read_scopes
from enthesis.clinic.api.table import TYPES
from enthesis.clinic.models import ApiToken, Clinic
from enthesis.exchange.strict_json import MOST_BYTES, JsonError, read_json

MOST_QUERY = 1500
"""Characters of all parameters: what is asked must fit into the link to the next page."""
MOST_PAGE = 4000
"""Of that link; a server reads no address that is longer."""
MOST_PARAMETERS = 50
JSON_TYPES = (FHIR_JSON, "application/json", "text/json", "json")
ANY_TYPES = ("*/*", "application/*", "")
_TOKEN = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]{1,500})", re.IGNORECASE)
_REALM = 'Bearer realm="Enthesis"'


@dataclass(frozen=True, slots=True)
class Asker:
    """A program with a token."""

    token: ApiToken
    scopes: Scopes
    address: str

    @property
    def clinic(self) -> Clinic:
        """The only clinic there is for it."""
        return self.token.clinic

    def need(self, kind: str, action: str) -> None:
        """Raise unless the token may do it: one of c r u d s."""
        if not self.scopes.allow(kind, action):
            raise ApiError(
                403,
                f"the token “{self.token}” may not do this; it needs the scope "
                f"user/{kind}.{action}, which an administrator gives under Settings",
                headers={"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"'},
            )


@dataclass
class Asked:
    """The parameters of a request, in their order, and which of them were understood."""

    pairs: list[tuple[str, str]]
    lenient: bool
    ignored: list[str] = field(default_factory=list)

    def take(self, *names: str) -> list[str]:
        """The values of parameters, which are gone then."""
        found = [value for name, value in self.pairs if name in names]
        self.pairs = [pair for pair in self.pairs if pair[0] not in names]
        return found

    def one(self, name: str, default: str = "") -> str:
        """The value of a parameter that may be there once."""
        found = self.take(name)
        if len(found) > 1:
            raise ApiError(400, f"{name} is there {len(found)} times; give it once", "value")
        return found[0] if found else default

    def finish(self, known: Iterable[str]) -> None:
        """What is left is not known: refused, or left out where the program asked for that."""
        left = [name for name, _ in self.pairs]
        if left and not self.lenient:
            raise ApiError(
                400,
                f"the parameter “{left[0][:60]}” is not known here; known are "
                f"{', '.join(sorted(known))}. With “Prefer: handling=lenient” what is not known "
                "is left out",
                "not-supported",
            )
        self.ignored += left
        self.pairs = []


def asker_of(request: HttpRequest) -> Asker:
    """Who asks. Raises ApiError 401, or 429 after too many wrong tokens."""
    given = request.headers.get("Authorization", "")
    address = request.META.get("REMOTE_ADDR", "")
    if not given:
        raise ApiError(
            401,
            "send a token as “Authorization: Bearer …”; an administrator makes one under Settings",
            headers={"WWW-Authenticate": _REALM},
        )
    found = _TOKEN.fullmatch(given.strip())
    token = api_tokens.find_token(found[1], timezone.now()) if found else None
    if token is None:
        if not api_tokens.fail_token(address):
            seconds = int(api_tokens.FAILURES_WITHIN.total_seconds())
            raise ApiError(
                429,
                "too many wrong tokens from this address; wait 15 minutes, and check the token",
                headers={"Retry-After": str(seconds)},
            )
        raise ApiError(
            401,
            "this token does not open: it is mistyped, expired or was revoked; ask the clinic's "
            "administrator for a new one",
            headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
        )
    return Asker(token, read_scopes(token.scopes, TYPES), address)


def agree(request: HttpRequest, format_asked: str) -> None:
    """That what is asked for is JSON of R4. Raises ApiError 406."""
    accept = format_asked or request.headers.get("Accept", "")
    kinds = [_media(part) for part in accept.split(",")]
    wanted = [
        kind for kind, of in kinds
        if (kind in JSON_TYPES or (kind in ANY_TYPES and not format_asked))
        and of in ("", VERSION, "4.0.1")
    ]  # fmt: skip
    if not wanted:
        raise ApiError(
            406,
            f"only {FHIR_JSON} of FHIR {VERSION} (R4) is answered, not “{accept[:80]}”; ask for "
            f"{FHIR_JSON}",
        )


def _media(text: str) -> tuple[str, str]:
    """A media type and the FHIR version it names."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    version = ""
    for one in parameters:
        name, _, value = one.partition("=")
        if name.strip().lower() == "fhirversion":
            version = value.strip().strip('"')
    # A "+" in an address is a blank.
    return kind.lower().replace("fhir json", "fhir+json"), version


def asked_of(request: HttpRequest, more: list[tuple[str, str]] | None = None) -> Asked:
    """The parameters of the address and of a form. Raises ApiError 400."""
    text = request.META.get("QUERY_STRING", "")
    pairs = read_query(text) + (more or [])
    lenient = "handling=lenient" in request.headers.get("Prefer", "").replace(" ", "")
    length = sum(len(name) + len(value) for name, value in pairs if name != "_page")
    if len(pairs) > MOST_PARAMETERS or length > MOST_QUERY or len(text) > MOST_PAGE:
        raise ApiError(
            400,
            f"too much is asked at once: at most {MOST_PARAMETERS} parameters and {MOST_QUERY} "
            "characters; ask in several searches",
            "too-long",
        )
    return Asked(pairs, lenient)


def read_query(text: str) -> list[tuple[str, str]]:
    """The parameters in an address or a form, strictly. Raises ApiError 400."""
    if len(text) > 10 * MOST_QUERY:
        raise ApiError(400, f"the parameters are longer than {MOST_QUERY} characters", "too-long")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError as error:
        raise ApiError(400, f"the parameters cannot be read ({error}); write UTF-8") from None
    if any("\0" in part for pair in pairs for part in pair):
        raise ApiError(400, "NUL is no character of a parameter; leave it out", "value")
    return pairs


def form_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The parameters that were posted as a form."""
    _expect(request, ("application/x-www-form-urlencoded",))
    try:
        return read_query(body_of(request, 20 * MOST_QUERY).decode("ascii"))
    except UnicodeDecodeError:
        raise ApiError(400, "a form is ASCII with %-escapes; write it so") from None


def resource_of(request: HttpRequest) -> dict[str, Any]:
    """The resource in the body. Raises ApiError 400, 413 or 415."""
    _expect(request, JSON_TYPES)
    try:
        found = read_json(body_of(request, MOST_BYTES), MOST_BYTES)
    except JsonError as error:
        raise ApiError(413 if error.too_long else 400, str(error)) from None
    if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
        raise ApiError(
            400, "the body is no resource: it must be a table with a resourceType", "structure"
        )
    return found


def _expect(request: HttpRequest, kinds: tuple[str, ...]) -> None:
    kind, version = _media(request.headers.get("Content-Type", ""))
    if kind not in kinds or version not in ("", VERSION, "4.0.1"):
        raise ApiError(
            415,
            f"the body must be {kinds[0]} of FHIR {VERSION} (R4), and say so in Content-Type",
        )


def body_of(request: HttpRequest, most: int) -> bytes:
    """The body; one that says of itself that it is too long is not read. Raises ApiError 413."""
    given = request.META.get("CONTENT_LENGTH") or "0"
    length = int(given) if given.isascii() and given.isdigit() and len(given) < 16 else most + 1
    if length > most or len(data := request.read(most + 1)) > most:
        raise ApiError(413, f"the body is longer than {most:,} bytes; send it in smaller parts")
    return data

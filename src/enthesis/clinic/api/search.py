"""Search: parameters → a page of resources, with what they refer to, and the way to the next page.

Pages follow a place, not a count: the last resource of a page is named in the (signed) link to the
next one, so that rows that are added meanwhile neither repeat nor hide any.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.core import signing

from enthesis.clinic.api import narrow
from enthesis.clinic.api.asking import MOST_PAGE, Asked, Asker
from enthesis.clinic.api.matching import SearchError, Test, at, folded, read_test, texts
from enthesis.clinic.api.outcome import ApiError, issue, outcome
from enthesis.clinic.api.sources import Key, Record, Resource, Source, key_of
from enthesis.clinic.api.table import TYPES, Param, Type, include_params

COUNT = 50
MOST_COUNT = 200
MOST_PATIENTS = 200
"""Records that one page reads; where so many hold too few matches, the page is a short one."""
PAGE_SECONDS = 24 * 60 * 60
SALT = "enthesis.fhir.page"
RESULTS = ("_count", "_sort", "_total", "_summary", "_include", "_revinclude")
Place = tuple[int, Key]


@dataclass(frozen=True, slots=True)
class Link:
    """One `_include` or `_revinclude`: resources of `source` refer by `param` to others."""

    source: str
    param: Param
    target: str
    back: bool


@dataclass
class Query:
    """A search as asked."""

    kind: Type
    used: list[tuple[str, str]]
    tests: list[Test] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    count: int = COUNT
    sort: list[tuple[str, bool]] = field(default_factory=list)
    total: bool = False
    only_count: bool = False
    after: Place | None = None


@dataclass
class Page:
    """What a search found: matches in order, what is included, and where to go on."""

    matches: list[Resource] = field(default_factory=list)
    included: dict[str, Resource] = field(default_factory=dict)
    patients: set[int] = field(default_factory=set)
    total: int | None = None
    next: Place | None = None


def search(asker: Asker, kind: Type, asked: Asked, base: str) -> tuple[dict[str, Any], set[int]]:
    """The Bundle of one page, and the patients whose records are in it. Raises ApiError."""
    asker.need(kind.name, "s")
    query = read_query(asker, kind, asked)
    source = Source(asker.clinic)
    page = _shared(query, source) if kind.shared else _paged(query, source)
    page.included = {
        name: one
        for name, one in page.included.items()
        if asker.scopes.allow(one["resourceType"], "r")
        and not any(one is match for match in page.matches)
    }
    return bundle_of(query, page, asked, base), page.patients


def read_query(asker: Asker, kind: Type, asked: Asked) -> Query:
    """The search that the parameters ask for. Raises ApiError."""
    after: Place | None = None
    if opaque := asked.one("_page"):
        pairs, (number, key) = _opened(opaque, kind)
        asked.pairs, after = [(name, value) for name, value in pairs], (number, tuple(key))
    query = Query(kind, list(asked.pairs), after=after)
    query.count = _count(asked.one("_count"))
    query.total = _choice(asked, "_total", ("none", "estimate", "accurate"), "none") == "accurate"
    query.only_count = _choice(asked, "_summary", ("false", "count"), "false") == "count"
    query.only_count = query.only_count or query.count == 0
    query.sort = _sort(kind, asked.one("_sort"))
    query.links = [_include(kind, one) for one in asked.take("_include")]
    query.links += [_revinclude(kind, one) for one in asked.take("_revinclude")]
    zone = ZoneInfo(asker.clinic.time_zone)
    for name, value in list(asked.pairs):
        plain, _, modifier = name.partition(":")
        if plain in kind.by_name:
            asked.pairs.remove((name, value))
            try:
                query.tests.append(read_test(kind.by_name[plain], modifier, value, zone))
            except SearchError as error:
                raise ApiError(400, str(error), "value") from None
    left = list(asked.pairs)
    asked.finish((*kind.by_name, *RESULTS, "_format", "_pretty"))
    query.used = [pair for pair in query.used if pair not in left]
    return query


def _count(text: str) -> int:
    if not text:
        return COUNT
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiError(400, f"_count is a whole number from 0, not “{text[:40]}”", "value")
    return min(int(text), MOST_COUNT)


def _choice(asked: Asked, name: str, choices: tuple[str, ...], default: str) -> str:
    value = asked.one(name, default)
    if value not in choices:
        raise ApiError(400, f"{name} is one of {', '.join(choices)}, not “{value[:40]}”", "value")
    return value


def _sort(kind: Type, text: str) -> list[tuple[str, bool]]:
    able = [one.name for one in kind.params if one.kind in ("date", "string") or one.name == "_id"]
    found = [(one.lstrip("-"), one.startswith("-")) for one in text.split(",") if one]
    for name, _ in found:
        if name not in able:
            raise ApiError(
                400, f"_sort takes {', '.join(able)}, not “{name[:40]}”", "not-supported"
            )
    return found


def _include(kind: Type, text: str) -> Link:
    source, _, rest = text.partition(":")
    name, _, target = rest.partition(":")
    params = {one.name: one for one in include_params(kind)}
    if source != kind.name or name not in params or not _leads(params[name], target):
        able = ", ".join(f"{kind.name}:{one}" for one in params) or "nothing here"
        raise ApiError(400, f"_include takes {able}, not “{text[:60]}”", "not-supported")
    return Link(source, params[name], target, back=False)


def _revinclude(kind: Type, text: str) -> Link:
    source, _, rest = text.partition(":")
    name, _, target = rest.partition(":")
    param = TYPES[source].by_name.get(name) if source in TYPES else None
    if (
        param is None
        or param.kind != "reference"
        or kind.name not in param.targets
        or kind.shared
        or TYPES[source].trail
        or target not in ("", kind.name)
    ):
        raise ApiError(
            400,
            f"“_revinclude={text[:60]}” leads to no {kind.name}; write such as "
            "_revinclude=QuestionnaireResponse:patient with a search of Patient",
            "not-supported",
        )
    return Link(source, param, kind.name, back=True)


def _leads(param: Param, target: str) -> bool:
    return not target or target in param.targets


# --- what matches


def _paged(query: Query, source: Source) -> Page:
    """Patient after patient from the place where the page before ended."""
    able = narrow.patients(source.clinic, query.kind, query.tests)
    whole = query.total or query.only_count or query.sort
    if whole and len(able) > MOST_PATIENTS:
        raise ApiError(
            422,
            f"this would read the records of {len(able)} patients; to count or sort, narrow the "
            f"search to {MOST_PATIENTS} (by patient or by date), or leave _total and _sort out",
            "too-costly",
        )
    page = Page()
    if whole:
        return _whole(query, source, able)
    after = query.after
    ahead = [one for one in able if after is None or one[0] >= after[0]]
    for record in source.records([pk for _, pk in ahead[:MOST_PATIENTS]], _only_people(query)):
        for one in record.of(query.kind.name):
            place = record.number, key_of(one["id"])
            if after is not None and place <= after:
                continue
            if not _matches(query, one):
                continue
            if len(page.matches) == query.count:
                return page
            _keep(query, page, one, record, source)
            page.next = place
        if page.next is None or page.next[0] < record.number:
            # Nobody's row is passed over: what is added below this number was added later.
            page.next = record.number, ("~", 0, "")
    if len(ahead) <= MOST_PATIENTS:
        page.next = None
        page.total = len(page.matches) if after is None else None
    return page


def _whole(query: Query, source: Source, able: list[tuple[int, int]]) -> Page:
    found: list[tuple[Place, Resource, Record]] = []
    for record in source.records([pk for _, pk in able], _only_people(query)):
        found += [
            ((record.number, key_of(one["id"])), one, record)
            for one in record.of(query.kind.name)
            if _matches(query, one)
        ]
    for name, is_reverse in reversed(query.sort):
        param = query.kind.by_name[name]
        found.sort(key=lambda one: _sorted_by(param, one[1]), reverse=is_reverse)
    page = Page(total=len(found))
    if query.only_count:
        return page
    places = [place for place, _, _ in found]
    begin = places.index(query.after) + 1 if query.after in places else 0
    for place, one, record in found[begin : begin + query.count]:
        _keep(query, page, one, record, source)
        page.next = place
    if begin + query.count >= len(found):
        page.next = None
    return page


def _shared(query: Query, source: Source) -> Page:
    """Of the clinic as a whole: few, so that each page reads them all."""
    found = [
        one
        for one in source.shared.values()
        if one["resourceType"] == query.kind.name and _matches(query, one)
    ]
    found.sort(key=lambda one: key_of(one["id"]))
    for name, is_reverse in reversed(query.sort):
        param = query.kind.by_name[name]
        found.sort(key=lambda one: _sorted_by(param, one), reverse=is_reverse)
    page = Page(total=len(found))
    if query.only_count:
        return page
    places = [(0, key_of(one["id"])) for one in found]
    begin = places.index(query.after) + 1 if query.after in places else 0
    page.matches = found[begin : begin + query.count]
    if begin + query.count < len(found):
        page.next = places[begin + query.count - 1]
    return page


def _only_people(query: Query) -> bool:
    return query.kind.name == "Patient" and not query.links


def _matches(query: Query, one: Resource) -> bool:
    return all(test.holds(one) for test in query.tests)


def _sorted_by(param: Param, one: Resource) -> str:
    found = [value for path in param.paths for value in at(one, path.split("."))]
    told = [_told_by(param, value) for value in found]
    return min(told, default="")


def _told_by(param: Param, value: Any) -> str:
    if param.kind == "date":
        return str(value.get("start", value.get("end", "")) if isinstance(value, dict) else value)
    return folded(" ".join(texts(value)))


def _keep(query: Query, page: Page, one: Resource, record: Record, source: Source) -> None:
    page.matches.append(one)
    page.patients.add(record.patient)
    own = f"{one['resourceType']}/{one['id']}"
    for link in query.links:
        if link.back:
            for other in record.of(link.source):
                if own in references(other, link.param):
                    page.included[f"{link.source}/{other['id']}"] = other
        else:
            for name in references(one, link.param):
                found = record.resources.get(name) or source.shared.get(name)
                kind = found["resourceType"] if found else ""
                if found and kind in link.param.targets and link.target in ("", kind):
                    page.included[name] = found


def references(one: Resource, param: Param) -> set[str]:
    """What a resource refers to by a parameter."""
    found = (value for path in param.paths for value in at(one, path.split(".")))
    return {str(value["reference"]) for value in found if "reference" in value}


# --- the page as a Bundle, and the way to the next


def bundle_of(query: Query, page: Page, asked: Asked, base: str) -> dict[str, Any]:
    """What is answered: the matches of a page, what is included, and the link to the next one."""
    entries = [_entry(base, one, "match") for one in page.matches]
    entries += [_entry(base, one, "include") for one in page.included.values()]
    if asked.ignored:
        told = f"not known and left out: {', '.join(name[:60] for name in asked.ignored)}"
        warning = outcome([issue("not-supported", told, severity="warning")])
        entries.append({"resource": warning, "search": {"mode": "outcome"}})
    address = f"{base}{query.kind.name}"
    links = [{"relation": "self", "url": f"{address}?{urlencode(query.used)}".rstrip("?")}]
    if page.next is not None:
        opaque = signing.dumps([query.used, page.next], salt=_salt(query.kind), compress=True)
        if len(opaque) > MOST_PAGE - len("_page="):
            raise ApiError(400, "too much is asked for more than one page; narrow it", "too-long")
        links.append({"relation": "next", "url": f"{address}?{urlencode({'_page': opaque})}"})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        bundle["total"] = page.total
    bundle["link"] = links
    return bundle | ({"entry": entries} if entries else {})


def _entry(base: str, one: Resource, mode: str) -> dict[str, Any]:
    address = f"{base}{one['resourceType']}/{one['id']}"
    return {"fullUrl": address, "resource": one, "search": {"mode": mode}}


def _salt(kind: Type) -> str:
    return f"{SALT}.{kind.name}"


def _opened(opaque: str, kind: Type) -> Any:
    """The parameters of a search and the last place of a page, from a link of ours."""
    try:
        return signing.loads(opaque, salt=_salt(kind), max_age=PAGE_SECONDS)
    except signing.BadSignature:
        raise ApiError(
            400, "this page is not known any more; begin the search anew", "value"
        ) from None


def everything(record: Record, source: Source) -> Iterable[Resource]:
    """All of one patient, and what it refers to of the clinic."""
    yield from record.resources.values()
    named = {
        str(found)
        for one in record.resources.values()
        for found in _references_within(one)
        if found in source.shared
    }
    for name in sorted(named):
        yield source.shared[name]


def _references_within(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from _references_within(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references_within(one)

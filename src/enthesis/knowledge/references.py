"""What one piece of knowledge says of another must be there: checked whenever files are read.

All entries are checked, whatever their start date, so that a rule for next year cannot break
the clinic when it starts.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from enthesis.knowledge.kinds import CandidacyRule, Question, Questionnaire
from enthesis.knowledge.price_kinds import PART_UNITS
from enthesis.knowledge.row_kinds import RowAnswer
from enthesis.knowledge.translate import brace_problem

# Facts that a rule may test though nobody is asked for them.
DERIVED = {
    *("age_years", "medicine_classes", "opioid_mme", "opioid_dose_known", "contradicted"),
    *("beighton", "least_motion_percent"),
}
AFTERCARE_PARTS = ("expect", "do", "avoid", "call", "emergency")
# What the norm of a motion is: see examination_kinds.MotionNorm.
MOTION_KINDS = ("textbook", "mean", "limit", "none")
# How a needle is guided; "" where the study does not say.
GUIDANCE = {"", "palpation", "ultrasound", "fluoroscopy", "ct"}


class Entry(Protocol):
    """A piece of knowledge with where it is written (`load.Entry`)."""

    @property
    def value(self) -> Any: ...
    @property
    def where(self) -> str: ...


Problem = tuple[str, str]
"""Where, and what to mend."""


def problems(
    entries: Mapping[str, Sequence[Entry]], codes: Collection[tuple[str, str]]
) -> Iterator[Problem]:
    """Every reference to something that is nowhere, and every part in the wrong role."""
    yield from _conditions(entries, codes)
    yield from _protocols(entries)
    yield from _mixing(entries)
    for entry in entries["questionnaires"]:
        for problem in questionnaire_problems(entry.value, codes):
            yield entry.where, problem
    yield from _rules(entries)
    yield from _self_check(entries)
    yield from _measures(entries, codes)
    yield from _windows(entries)
    yield from _forecasts(entries)
    danger = _ids(entries["danger_rules"])
    for entry in entries["harm_alarms"]:
        for kind in entry.value.kinds:
            if kind not in danger:
                yield entry.where, f"danger rule {kind!r} is in no file"
    yield from _after_a_session(entries)
    yield from _examination(entries)
    known = {code for _, code in codes}
    for entry in entries["tariff"]:
        if entry.value.code and entry.value.code not in known:
            yield entry.where, f"code {entry.value.code!r} is not in tables/codes.csv"
    for entry in entries["tariff_parts"]:
        if entry.value.unit not in PART_UNITS:
            yield entry.where, f"unit {entry.value.unit!r} is none of {', '.join(PART_UNITS)}"


def _after_a_session(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    """The sheet and the adverse events name regions and warning signs that are there."""
    danger = _ids(entries["danger_rules"])
    regions = {entry.value.region for entry in entries["sites"]}
    for entry in entries["aftercare_texts"]:
        line = entry.value
        if line.part not in AFTERCARE_PARTS:
            yield entry.where, f"part {line.part!r} is none of {', '.join(AFTERCARE_PARTS)}"
        if line.danger and line.danger not in danger:
            yield entry.where, f"danger rule {line.danger!r} is in no file"
        for region in line.regions:
            if region not in regions:
                yield entry.where, f"no site lies in region {region!r}"
    adverse = _ids(entries["adverse_kinds"])
    for entry in entries["complications"]:
        if entry.value.adverse_kind not in adverse:
            yield entry.where, f"adverse event {entry.value.adverse_kind!r} is in no file"
    for entry in entries["adverse_kinds"]:
        for kind in entry.value.dangers:
            if kind not in danger:
                yield entry.where, f"danger rule {kind!r} is in no file"


def _examination(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    """Motions and tests of regions that are there; every motion reads the same in all its rows."""
    regions = {entry.value.region for entry in entries["sites"]}
    for entry in (*entries["motion_norms"], *entries["stability_tests"]):
        if entry.value.region not in regions:
            yield entry.where, f"no site lies in region {entry.value.region!r}"
    first: dict[str, tuple[object, ...]] = {}
    for entry in entries["motion_norms"]:
        row = entry.value
        same = row.region, row.name, row.paired, row.unit, row.most, row.better
        if first.setdefault(row.id, same) != same:
            yield entry.where, f"motion {row.id!r} differs from its first row"
        if row.kind not in MOTION_KINDS or (row.kind == "none") != (row.low is None):
            yield (
                entry.where,
                f"kind {row.kind!r} and low do not fit: {', '.join(MOTION_KINDS)}",
            )
    for entry in entries["block_needs"]:
        if entry.value.id not in _ids(entries["sites"]):
            yield entry.where, f"site {entry.value.id!r} is not in tables/sites.csv"


def _windows(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    """In the order of the file each begins where the last has ended: a day is in one at most."""
    last: Any = None
    for entry in entries["windows"]:
        window = entry.value
        if not window.from_day <= window.target_day <= window.to_day:
            yield entry.where, "target_day must lie from from_day to to_day"
        if last is not None and not (last.number < window.number and last.to_day < window.from_day):
            yield entry.where, f"number and from_day must lie after those of {last.id!r}"
        last = window


def _forecasts(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    """Forecasts count relief from 0, the best end; each visit is after sessions or in a window."""
    conditions, measures = _ids(entries["conditions"]), _ids(entries["measures"])
    windows = _ids(entries["windows"])
    for entry in entries["forecast_starts"]:
        start = entry.value
        if start.condition not in conditions:
            yield entry.where, f"condition {start.condition!r} is in no file"
        measure = measures.get(start.measure)
        if measure is None or measure.higher_is != "worse" or measure.minimum != 0:
            yield entry.where, f"measure {start.measure!r} is none that falls to 0 at its best"
        for visit in start.visits:
            if (visit.session is None) != (visit.window in windows):
                yield entry.where, "a visit needs a number of sessions or a known window"
    for entry in entries["forecast_checks"]:
        if entry.value.id not in _ids(entries["forecast_starts"]):
            yield entry.where, f"forecast_start {entry.value.id!r} is in no file"


def _ids(entries: Sequence[Entry]) -> dict[str, Any]:
    return {e.value.id: e.value for e in entries}


def _conditions(
    entries: Mapping[str, Sequence[Entry]], codes: Collection[tuple[str, str]]
) -> Iterator[Problem]:
    protocols, benchmarks = _ids(entries["protocols"]), _ids(entries["benchmarks"])
    for entry in entries["conditions"]:
        condition = entry.value
        for name in condition.protocols:
            if name not in protocols:
                yield entry.where, f"protocol {name!r} is in no file"
            elif protocols[name].condition != condition.id:
                yield entry.where, f"protocol {name!r} is for {protocols[name].condition!r}"
        if condition.benchmark and condition.benchmark not in benchmarks:
            yield entry.where, f"benchmark {condition.benchmark!r} is in no file"
        for system, code in condition.codes:
            if (system, code) not in codes:
                yield entry.where, f"code {system} {code} is not in tables/codes.csv"


def _protocols(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    sites, conditions = _ids(entries["sites"]), _ids(entries["conditions"])
    measures, substances = _ids(entries["measures"]), _ids(entries["substances"])
    for entry in entries["protocols"]:
        protocol = entry.value
        if protocol.condition not in conditions:
            yield entry.where, f"condition {protocol.condition!r} is in no file"
        if protocol.measure not in measures:
            yield entry.where, f"measure {protocol.measure!r} is in no file"
        elif not measures[protocol.measure].validated:
            yield entry.where, f"measure {protocol.measure!r} is not validated: it cannot decide"
        for name in protocol.sources.keys() - set(type(protocol).__dataclass_fields__):
            yield entry.where, f"sources.{name} names no field of a protocol"
        keys = {mixture.key for mixture in protocol.mixtures}
        for part in protocol.sites:
            if part.site not in sites:
                yield entry.where, f"site {part.site!r} is not in tables/sites.csv"
            elif sites[part.site].role != "target":
                yield entry.where, f"site {part.site!r} must never be injected"
            elif protocol.condition in conditions and (
                sites[part.site].region != conditions[protocol.condition].region
            ):
                yield entry.where, f"site {part.site!r} lies in {sites[part.site].region!r}"
            if part.guidance not in GUIDANCE:
                yield entry.where, f"guidance {part.guidance!r} is none of {sorted(GUIDANCE)}"
            if part.mixture not in keys:
                yield entry.where, f"mixture {part.mixture!r} is not one of {sorted(keys)}"
        for mixture in protocol.mixtures:
            for name, role in ((mixture.diluent, "diluent"), (mixture.anaesthetic, "anaesthetic")):
                if name and (name not in substances or substances[name].role != role):
                    yield entry.where, f"{name!r} is no known {role}"
            for other in mixture.others:
                if other.substance not in substances:
                    yield entry.where, f"{other.substance!r} is in no file of substances"


def _mixing(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    substances = _ids(entries["substances"])
    for entry in entries["anaesthetic_limits"]:
        if entry.value.substance not in substances:
            yield entry.where, f"substance {entry.value.substance!r} is in no file"
    for entry in entries["mixture_cautions"]:
        for name in set(entry.value.substances) - set(substances):
            yield entry.where, f"substance {name!r} is in no file"


def questionnaire_problems(
    asked: Questionnaire, codes: Collection[tuple[str, str]]
) -> Iterator[str]:
    """Ids that stand twice, codes that are nowhere, conditions on nothing asked before, braces that
    cannot be filled in."""
    known, before = {code for _, code in codes}, dict[str, Question]()
    for question in asked.questions:
        if question.id in before:
            yield f"question {question.id!r} is there twice"
        if question.code and question.code not in known:
            yield f"question {question.id!r}: code {question.code!r} is not in tables/codes.csv"
        for name, values in question.only_if.items():
            if name not in before:
                yield f"question {question.id!r}: only_if {name!r} is no earlier question"
            else:
                yield from _values(before[name], values, f"question {question.id!r}: only_if")
        # The text is filled in with earlier answers while the patient waits: see follow.worded.
        if problem := brace_problem(
            question.text, [id for id, q in before.items() if q.kind == "text"]
        ):
            yield f"question {question.id!r}: text: {problem} (earlier questions of kind text)"
        before[question.id] = question


def _values(question: Question, values: Sequence[str], where: str) -> Iterator[str]:
    """Answers that a question does not offer."""
    allowed = {value for value, _ in question.options}
    if question.kind == "yes_no":
        allowed = {"yes", "no"}
    for value in values:
        if allowed and value not in allowed:
            yield f"{where} {value!r} is no answer of {question.id!r}"


def _rules(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    by_id = {e.value.id: e.value for e in entries["questionnaires"]}
    # Without an evaluation every rule below says that its question is nowhere.
    evaluation = {q.id: q for q in by_id["evaluation"].questions} if "evaluation" in by_id else {}
    for entry in entries["candidacy_rules"]:
        for problem in _candidacy(entry.value, evaluation):
            yield entry.where, problem
    tables = _ids(entries["row_tables"])
    for entry in entries["row_answers"]:
        for problem in _row_answer(entry.value, tables, evaluation):
            yield entry.where, problem
    asked = {q.id: q for known in by_id.values() for q in known.questions}
    for entry in entries["danger_rules"]:
        rule = entry.value
        if rule.question not in asked:
            yield entry.where, f"question {rule.question!r} is in no questionnaire"
        else:
            for problem in _values(asked[rule.question], rule.is_in, "is_in"):
                yield entry.where, problem


def _self_check(entries: Mapping[str, Sequence[Entry]]) -> Iterator[Problem]:
    """The self-check has no rules of its own: each that it names is there, under one name only."""
    candidacy, danger = _ids(entries["candidacy_rules"]), _ids(entries["danger_rules"])
    for id in candidacy.keys() & danger.keys():
        yield "rules", f"{id!r} is a rule of candidacy and a danger rule"
    for entry in entries["self_check_questions"]:
        for id in entry.value.finds:
            if id not in candidacy and id not in danger:
                yield entry.where, f"finds: no rule of candidacy or danger rule {id!r}"
    for entry in entries["self_check_rules"]:
        for id in entry.value.not_asked:
            if id not in candidacy:
                yield entry.where, f"not_asked: no rule of candidacy {id!r}"


def _row_answer(
    rule: RowAnswer, tables: Mapping[str, Any], asked: Mapping[str, Question]
) -> Iterator[str]:
    columns = {c.id: c for c in tables[rule.table].columns} if rule.table in tables else {}
    if rule.column not in columns:
        yield f"{rule.id}: table {rule.table!r} has no column {rule.column!r}"
    elif rule.question not in asked:
        yield f"{rule.id}: question {rule.question!r} is not in the evaluation"
    else:
        offered = [value for value, _ in columns[rule.column].options]
        for value in rule.values:
            if value not in offered:
                yield f"{rule.id}: {value!r} is no value of column {rule.column!r}"
        answers = [rule.answer] if rule.answer else rule.values or offered
        yield from _values(asked[rule.question], [*rule.against, *answers], rule.id)


def _candidacy(rule: CandidacyRule, asked: Mapping[str, Question]) -> Iterator[str]:
    for when in rule.when:
        tests = [bool(when.is_in), when.at_least is not None, when.below is not None]
        if sum(tests) != 1:
            yield f"{rule.id}: a test on {when.question!r} needs one of is_in, at_least, below"
        if when.question in DERIVED:
            continue
        if when.question not in asked:
            yield f"{rule.id}: question {when.question!r} is not in the evaluation"
            continue
        question = asked[when.question]
        yield from _values(question, when.is_in, rule.id)
        if question.regions and not set(rule.regions) <= set(question.regions):
            yield f"{rule.id}: {when.question!r} is asked only for {', '.join(question.regions)}"
        if question.regions and not rule.regions:
            yield f"{rule.id}: needs the regions of {when.question!r}"


def _measures(
    entries: Mapping[str, Sequence[Entry]], codes: Collection[tuple[str, str]]
) -> Iterator[Problem]:
    measures, known = _ids(entries["measures"]), {code for _, code in codes}
    for entry in entries["benchmarks"]:
        if entry.value.measure not in measures:
            yield entry.where, f"measure {entry.value.measure!r} is in no file"
    for entry in entries["measures"]:
        if entry.value.code and entry.value.code not in known:
            yield entry.where, f"code {entry.value.code!r} is not in tables/codes.csv"

"""The consent of one course: what its patient reads before signing, with the numbers in force.

(course, plan, knowledge, evidence, language) → `Consent`. Each section carries the fingerprint of
its English lines, whatever language it is read in, so that a corrected number, another price or a
new risk shows by name what a signed consent did not say.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from enthesis.journey.lines import ENGLISH, Lines, short
from enthesis.journey.plan import series_price, stop_rule_sentences
from enthesis.knowledge.consent_kinds import PARTS
from enthesis.knowledge.kinds import Benchmark, Knowledge
from enthesis.records import Course, Ingredient, Plan, Side
from enthesis.shape import plain
from enthesis.units import money_words

FINGERPRINT = 16
SIDES = {
    Side.LEFT: "left side",
    Side.RIGHT: "right side",
    Side.BOTH: "both sides",
    Side.MIDLINE: "in the middle",
}
GUIDES = {
    "palpation": "by touch",
    "ultrasound": "by ultrasound",
    "fluoroscopy": "by X-ray",
    "ct": "by CT scan",
}


@dataclass(frozen=True, slots=True)
class TrialTold:
    """One trial (or `trials` pooled): with prolotherapy less without it, on the question's scale.
    `with_it` and `without` are people of 100, where they were counted."""

    name: str
    when: str
    people: int
    estimate: float
    low: float
    high: float
    is_counted: bool = True
    with_it: int | None = None
    without: int | None = None
    trials: int = 1


@dataclass(frozen=True, slots=True)
class QuestionTold:
    """One question to the trials and how sure its answer is ("very low"; empty without any)."""

    outcome: str
    comparator: str
    unit: str
    certainty: str
    told: tuple[TrialTold, ...]


@dataclass(frozen=True, slots=True)
class EvidenceTold:
    """What `evidence` answers on a condition. `questions` may be empty: trials, but no numbers."""

    topic: str
    trials_found: int
    questions: tuple[QuestionTold, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its lines, and the fingerprint of what they say."""

    id: str
    title: str
    lines: tuple[str, ...]
    made_from: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What is read and what is ticked. `statements` are (id, text)."""

    language: str
    title: str
    sections: tuple[Section, ...]
    statements: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]

    @property
    def versions(self) -> Mapping[str, str]:
        """Section by fingerprint: what this consent was made from."""
        return {section.id: section.made_from for section in self.sections}


def consent(
    course: Course,
    plan: Plan,
    known: Knowledge,
    evidence: EvidenceTold | None,
    names: Mapping[str, str],
    language: str = ENGLISH,
) -> Consent:
    """The text for one course. `evidence` None: no trial of its condition was looked for or found.
    `names` gives the `patient`, the `clinic` and its `phone`."""
    made = _made(course, plan, known, evidence, names, language)
    # A clinic's new telephone number, or a name that was misspelt, is no other consent.
    marked = _made(course, plan, known, evidence, dict.fromkeys(names, ""), ENGLISH)
    marks = {one.id: mark("\n".join(one.lines)) for one in marked.sections}
    # Places and mixtures are many: the text sums them up, the fingerprint holds them all.
    marks["plan"] = mark(f"{marks['plan']} {plain(replace(plan, agreed_on=None))}")
    sections = tuple(replace(one, made_from=marks[one.id]) for one in made.sections)
    return replace(made, sections=sections)


def changed(signed: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The sections that say something else now than when it was signed."""
    return tuple(id for id in now if signed.get(id) != now[id])


def regions_of(course: Course, plan: Plan, known: Knowledge) -> frozenset[str]:
    """Where the needle goes: the condition's region, and those of the plan's places."""
    condition = known.conditions.get(course.condition)
    return frozenset(
        {condition.region if condition else ""}
        | {known.sites[dose.site].region for dose in plan.sites if dose.site in known.sites}
    )


def _made(
    course: Course,
    plan: Plan,
    known: Knowledge,
    evidence: EvidenceTold | None,
    names: Mapping[str, str],
    language: str,
) -> Consent:
    said = Lines(known, language)
    condition = known.conditions[course.condition]
    group = known.benchmarks.get(condition.benchmark)
    fills = dict(names) | _plan_words(plan, said)
    first = {
        "you": tuple(_whom(course, plan, names, said)),
        "numbers": tuple(number_lines(evidence, said)),
        "anyway": tuple(anyway_lines(group, said)),
        "plan": tuple(said.line("plan-mixture", mixture=m) for m in _mixtures(plan, said)),
        "stop": stop_rule_sentences(plan.stop_rule, plan, known, language),
    }
    numbed = any(_numbing(plan, known))
    holds = words_that_hold(regions_of(course, plan, known), numbed, known)
    texts = [t for t in known.consent_texts.values() if holds.issuperset(t.when)]
    sections = tuple(
        Section(
            part,
            said.line(f"title-{part}"),
            (
                *first.get(part, ()),
                *(said.line(t.id, **fills) for t in texts if t.part == part),
            ),
            "",
        )
        for part in known.consent_rules.parts
    )
    sources = [t.source for t in texts if t.part not in PARTS]
    sources += [*(evidence.sources if evidence else ()), *([group.source] if group else ())]
    return Consent(
        language=language,
        title=said.line("title", condition=said.word(condition.name)),
        sections=sections,
        statements=tuple((t.id, said.line(t.id)) for t in texts if t.part == "tick"),
        sources=tuple(dict.fromkeys(sources)),
    )


def words_that_hold(regions: frozenset[str], numbed: bool, known: Knowledge) -> frozenset[str]:
    """The words of a text's `when`: near_lung or not_lung, near_spine or not_spine, by where the
    needle goes; anaesthetic where one is mixed in."""
    rules = known.consent_rules
    found = {
        "not_spine" if regions.isdisjoint(rules.near_spine) else "near_spine",
        "not_lung" if regions.isdisjoint(rules.near_lung) else "near_lung",
    }
    if numbed:
        found.add("anaesthetic")
    return frozenset(found)


def _whom(course: Course, plan: Plan, names: Mapping[str, str], said: Lines) -> Iterator[str]:
    """Whom and which side it is for, the places side by side, and what shall lead the needle."""
    known = said.known
    condition = said.word(known.conditions[course.condition].name)
    side = said.word(SIDES[course.side])
    yield said.line("you-who", patient=names["patient"], condition=condition, side=side)
    sides: dict[str, list[Side]] = {}  # left and right are often alike: said once
    for of in Side:
        sites = (known.sites[dose.site].name for dose in plan.sites if dose.side is of)
        if places := "; ".join(dict.fromkeys(map(said.word, sites))):
            sides.setdefault(places, []).append(of)
    for places, alike in sides.items():
        of = alike[0] if len(alike) == 1 else Side.BOTH
        yield said.line("you-places", side=said.word(SIDES[of]), places=places)
    protocol = known.protocols.get(plan.protocol)
    planned = {dose.site for dose in plan.sites}
    guides = [s.guidance for s in (protocol.sites if protocol else ()) if s.site in planned]
    led = dict.fromkeys(said.word(GUIDES[guide]) for guide in guides if guide)
    yield said.line("you-guided" if led else "you-not-guided", guides=", ".join(led))


def _numbing(plan: Plan, known: Knowledge) -> Iterator[Ingredient]:
    for mixture in plan.mixtures:
        for one in mixture.ingredients:
            if known.substances[one.substance].role == "anaesthetic":
                yield one


def _plan_words(plan: Plan, said: Lines) -> dict[str, str]:
    price, lent = series_price(plan), _numbing(plan, said.known)
    names = dict.fromkeys(
        said.word(said.known.substances[one.substance].name.lower()) for one in lent
    )
    return {
        "anaesthetic": f" {said.word('and')} ".join(names),
        "planned": said.count(plan.sessions_planned, "session"),
        "most": said.count(plan.sessions_max, "session"),
        "days": str(plan.interval_days),
        "places": said.count(len(plan.sites), "place"),
        "volume": short(sum((dose.volume_ml for dose in plan.sites), Decimal(0))),
        "each": money_words(price.per_session),
        "total": money_words(price.planned_total),
        "most_total": money_words(price.most_total),
    }


def _mixtures(plan: Plan, said: Lines) -> Iterator[str]:
    for mixture in plan.mixtures:
        yield ", ".join(
            f"{said.word(said.known.substances[one.substance].name.lower())} {short(one.percent)} %"
            + (f" {said.word('with adrenaline')}" if one.with_adrenaline else "")
            for one in mixture.ingredients
        )


def number_lines(evidence: EvidenceTold | None, said: Lines) -> Iterator[str]:
    """What the trials found, or why nothing can be said of it."""
    if evidence is None or not evidence.trials_found:
        yield said.line("num-no-trial")
        return
    if not evidence.questions:
        yield said.line("num-topic-none", found=evidence.trials_found)
        return
    if all(one.with_it is None for q in evidence.questions for one in q.told):
        yield said.line("num-no-hundred")
    for question in evidence.questions:
        yield from _question(question, said)


def _question(question: QuestionTold, said: Lines) -> Iterator[str]:
    words = {"outcome": said.word(question.outcome), "comparator": said.word(question.comparator)}
    if not question.certainty:
        yield said.line("num-none", **words)
    for one in question.told:
        line = _trial(one, words, question.unit, said)
        yield line if one.is_counted else f"{line} {said.line('num-shown')}"
    if question.certainty:
        sure = said.line(f"certainty-{question.certainty.replace(' ', '-')}")
        yield said.line("num-certainty", certainty=sure)


def _trial(one: TrialTold, words: Mapping[str, str], unit: str, said: Lines) -> str:
    people = f"{one.people} {said.word('people')}"
    largest = max(map(abs, (one.estimate, one.low, one.high)))
    place = 0 if one.with_it is not None or largest >= 10 else 1 if largest >= 1 else 2
    thing = "points" if unit.startswith("points") else ""
    gap = said.gap(one.low, one.high, place, thing)
    if one.with_it is not None:
        counts = {"with_it": one.with_it, "without": one.without, "gap": gap}
        when = said.time(one.when)
        return said.line("num-hundred", trial=one.name, when=when, people=people, **words, **counts)
    fills = {
        **words,
        "people": people,
        "difference": f"{abs(one.estimate):.{place}f}",
        "unit": said.word(unit),
        "way": said.word("lower" if one.estimate < 0 else "higher"),
        "gap": gap,
    }
    if one.trials > 1:
        return said.line("num-pooled", trials=one.trials, **fills)
    return said.line("num-mean", trial=one.name, when=said.time(one.when), **fills)


def anyway_lines(group: Benchmark | None, said: Lines) -> Iterator[str]:
    """What such pain does without it, of a group that was asked."""
    if group is None:
        yield said.line("any-none")
        return
    last, start = group.points[-1], group.points[0].middle
    fills = {
        "when": said.weeks(last.weeks),
        "group": said.word(group.title),
    }
    for relief, people in group.improved_percent.items():
        yield said.line("any-better", relief=relief, people=short(people), **fills)
    if not group.improved_percent:
        fall = -last.middle if group.is_change else start - last.middle
        yield said.line("any-fell", points=short(fall), **fills)


def mark(text: str) -> str:
    """The fingerprint of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT]

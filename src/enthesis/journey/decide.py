"""The honest choice: one record of what a condition's patient can do, before anything is decided.

(condition, knowledge, evidence, papers, clinic, language) → `DecisionAid`. The public pages, the
sheet to print and what was handed out are all made from it, and its trials are those of the
consent. Each section carries the fingerprint of its English, so that a corrected number shows by
name who was told another one. Where no source counts people of 100, it says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from enthesis.journey.consent import (
    EvidenceTold,
    QuestionTold,
    Section,
    TrialTold,
    anyway_lines,
    mark,
    number_lines,
    words_that_hold,
)
from enthesis.journey.lines import ENGLISH, Lines
from enthesis.knowledge.choice_kinds import ChoiceBar, ChoiceOption, ChoiceScale
from enthesis.knowledge.kinds import Condition, Knowledge
from enthesis.knowledge.paper import Paper
from enthesis.shape import plain
from enthesis.units import money_words

FILE = "rules/options.toml"
UNMARKED = ("about",)
"""Sections whose change tells nobody another number."""


@dataclass(frozen=True, slots=True)
class Bar:
    """People of 100 with one option; `anyway` of them reach it with the comparison too."""

    option: str
    words: str
    of_100: int
    anyway: int


@dataclass(frozen=True, slots=True)
class Scale:
    """One outcome at one time. Its bars may be compared, those of two scales may not."""

    title: str
    bars: tuple[Bar, ...]
    lines: tuple[str, ...]
    is_harm: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to do; each has every field, in words."""

    id: str
    name: str
    what: str
    good: str
    hundred: tuple[str, ...]
    bad: str
    harm: str
    life: str
    visits: str
    price: str
    fails: str
    sure: str


@dataclass(frozen=True, slots=True)
class DecisionAid:
    """Everything that is told. The sections `hundred` and `options` are told by `scales` and
    `options`; `help` is what must not wait."""

    condition: str
    language: str
    title: str
    choice: str
    help: str
    sections: tuple[Section, ...]
    scales: tuple[Scale, ...]
    options: tuple[Option, ...]
    sources: tuple[str, ...]

    @property
    def versions(self) -> Mapping[str, str]:
        """Section by fingerprint: what this was made from."""
        return {one.id: one.made_from for one in self.sections if one.id not in UNMARKED}

    @property
    def version(self) -> str:
        """One short mark of all of them."""
        return mark(" ".join(self.versions.values()))[:8]


def choosable(known: Knowledge) -> tuple[Condition, ...]:
    """The conditions that have something to say: those that this clinic treats."""
    return tuple(one for one in known.conditions.values() if one.protocols)


def decision_aid(
    condition: str,
    known: Knowledge,
    evidence: EvidenceTold | None,
    papers: Mapping[str, Paper],
    clinic: Mapping[str, str],
    language: str = ENGLISH,
) -> DecisionAid:
    """The aid for one condition. `clinic` gives the `clinic`'s name and its `phone`. KeyError for
    a condition that is not there."""
    made = _made(condition, known, evidence, papers, clinic, language)
    # Another telephone number is no other aid.
    marked = _made(condition, known, evidence, papers, dict.fromkeys(clinic, ""), ENGLISH)
    told = {"hundred": str(plain(marked.scales)), "options": str(plain(marked.options))}
    marks = {one.id: mark("\n".join([*one.lines, told.get(one.id, "")])) for one in marked.sections}
    return replace(
        made, sections=tuple(replace(one, made_from=marks[one.id]) for one in made.sections)
    )


def _made(
    condition: str,
    known: Knowledge,
    evidence: EvidenceTold | None,
    papers: Mapping[str, Paper],
    clinic: Mapping[str, str],
    language: str,
) -> DecisionAid:
    said, about = Lines(known, language), known.conditions[condition]
    options = _options(condition, known)
    fills = dict(clinic) | _series_words(about, said)
    holds = words_that_hold(frozenset({about.region}), _is_numbed(about, known), known)
    texts = [t for t in known.consent_texts.values() if holds.issuperset(t.when)]
    spoken = {part: [said.line(t.id) for t in texts if t.part == part and not t.when]
              for part in ("what", "off_label")}  # fmt: skip
    scales = tuple(_scales(condition, options, evidence, papers, said))
    beside = _beside(scales, options, said)
    spine = not frozenset({about.region}).isdisjoint(known.consent_rules.near_spine)
    lines: dict[str, Sequence[str]] = {
        "condition": [said.line(f"is-{condition}")],
        "what": [*spoken["what"], *spoken["off_label"]],
        "hundred": list(_hundred(scales, said)),
        "numbers": list(number_lines(evidence, said)),
        "anyway": [
            *anyway_lines(known.benchmarks.get(about.benchmark), said),
            said.line("any-proof"),
        ],
        "options": [],
        "risks": [said.line(t.id) for t in texts if t.part == "risks"],
        "cost": [said.line("cost-series", **fills), said.line("cost-self")],
        "fails": [
            *(said.line(id) for id in ("fails-agree", "stop-first", "fails-spent")),
            *(said.line(id) for id in ("fails-worse", "stop-you")),
        ],
        "unknown": [*beside, *(said.line(f"unknown-{id}") for id in ("who", "long", "harm"))],
        "about": list(_about(evidence, known, clinic, said)),
    }
    # The largest fall that was counted: the line before the one that it proves nothing.
    anyway = lines["anyway"][-2:-1] if _counts_anyway(about, known) else ()
    return DecisionAid(
        condition=condition,
        language=language,
        title=said.line("aid-title", condition=_capital(said.word(about.name))),
        choice=said.line("choice"),
        help=said.line("help-spine" if spine else "help-else"),
        sections=tuple(
            Section(id, said.line(f"aid-{id}"), tuple(lines[id]), "")
            for id in known.choice_rules.sections
        ),
        scales=scales,
        options=tuple(
            _option(one, condition, evidence, papers, anyway, fills, said) for one in options
        ),
        sources=tuple(_sources(condition, options, evidence, known)),
    )


def _options(condition: str, known: Knowledge) -> list[ChoiceOption]:
    all_of_them = (known.choice_options[id] for id in known.choice_rules.options)
    return [one for one in all_of_them if not one.only_for or condition in one.only_for]


def _is_numbed(about: Condition, known: Knowledge) -> bool:
    return any(
        known.substances[part.substance].role == "anaesthetic"
        for id in about.protocols
        for mixture in known.protocols[id].mixtures
        for part in mixture.ingredients
    )


def _series_words(about: Condition, said: Lines) -> dict[str, str]:
    """What a series is and costs, over the protocols of the condition."""
    series = [said.known.protocols[id] for id in about.protocols]
    each = said.known.tariff["session"].usual
    fewest, most = min(p.sessions_planned for p in series), max(p.sessions_max for p in series)
    days = [p.interval_days for p in series]

    def span(low: str, high: str) -> str:
        return low if low == high else said.line("span", low=low, high=high)

    return {
        "each": money_words(each),
        "sessions": span(str(fewest), str(most)),
        "days": span(str(min(days)), str(max(days))),
        "total": span(money_words(each * fewest), money_words(each * most)),
    }


def _counts_anyway(about: Condition, known: Knowledge) -> bool:
    group = known.benchmarks.get(about.benchmark)
    return group is not None and bool(group.improved_percent)


def _scales(
    condition: str,
    options: Sequence[ChoiceOption],
    evidence: EvidenceTold | None,
    papers: Mapping[str, Paper],
    said: Lines,
) -> Iterator[Scale]:
    """Those of the trials of prolotherapy first, then those of the knowledge; harms last."""
    for question, trial in _counted(evidence):
        yield _pair(question, trial, said)
    names = {one.id: _name(one, said) for one in options}
    held = [s for s in said.known.choice_scales.values() if condition in s.conditions]
    for scale in sorted(held, key=lambda one: one.is_harm):
        bars = tuple(
            Bar(bar.option, _capital(said.word(bar.words)) or names[bar.option], n, n)
            for bar in scale.bars
            for n in [_of_100(bar, scale, papers)]
        )
        counted = {bar.option for bar in scale.bars}
        lines = [
            *([said.line("scale-people", people=scale.people)] if scale.people else ()),
            *([said.line(scale.note)] if scale.note else ()),
            _certainty(scale.certainty, said),
            said.line(
                "scale-unknown",
                options=", ".join(name for id, name in names.items() if id not in counted),
            ),
        ]
        yield Scale(_title(scale, said), bars, tuple(line for line in lines if line), scale.is_harm)


def _title(scale: ChoiceScale, said: Lines) -> str:
    words = {"outcome": said.word(scale.outcome), "when": _when(scale.when, said)}
    return _capital(said.line("scale-harm" if scale.is_harm else "scale", **words))


def _pair(question: QuestionTold, trial: TrialTold, said: Lines) -> Scale:
    """One trial: how many of 100 without it and with it, on the same scale at the same time."""
    with_it, without = trial.with_it or 0, trial.without or 0
    comparator = said.word(question.comparator)
    title = said.line("scale", outcome=said.word(question.outcome), when=said.time(trial.when))
    prolotherapy = said.known.choice_options["prolotherapy"]
    lines = [
        said.line("scale-pair", comparator=comparator, gap=said.gap(trial.low, trial.high)),
        said.line("scale-people", people=trial.people),
        "" if trial.is_counted else said.line("num-shown"),
        _certainty(question.certainty, said),
    ]
    return Scale(
        f"{trial.name}: {title}",
        (
            Bar("", _capital(comparator), without, without),
            Bar("prolotherapy", _name(prolotherapy, said), with_it, min(with_it, without)),
        ),
        tuple(line for line in lines if line),
    )


def _counted(evidence: EvidenceTold | None) -> Iterator[tuple[QuestionTold, TrialTold]]:
    """The trials whose people are counted."""
    for question in evidence.questions if evidence else ():
        for trial in question.told:
            if trial.with_it is not None:
                yield question, trial


def _of_100(bar: ChoiceBar, scale: ChoiceScale, papers: Mapping[str, Paper]) -> int:
    """As the file prints it, or from the rows of the scale's paper; KeyError where it has none."""
    if bar.of_100 is not None:
        return bar.of_100
    for row in papers[scale.paper].outcomes:
        if (row.arm, row.instrument, row.weeks) == (bar.arm, scale.instrument, scale.weeks):
            share = row.mean
            if row.events is not None and row.n:
                share = Decimal(row.events) / row.n
            if share is not None:
                return int((share * 100).to_integral_value(ROUND_HALF_UP))
    raise KeyError(f"{scale.id}: no people of {bar.arm!r} in papers/{scale.paper}.toml")


def _beside(scales: Sequence[Scale], options: Sequence[ChoiceOption], said: Lines) -> list[str]:
    """The options that stand on no scale of benefits on which prolotherapy stands."""
    good = [{bar.option for bar in one.bars} for one in scales if not one.is_harm]
    counted = {id for ids in good if "prolotherapy" in ids for id in ids}
    lacking = [_name(o, said) for o in options if o.id not in counted | {"prolotherapy"}]
    return [said.line("unknown-beside", options=", ".join(lacking))] if lacking else []


def _option(
    one: ChoiceOption,
    condition: str,
    evidence: EvidenceTold | None,
    papers: Mapping[str, Paper],
    anyway: Sequence[str],
    fills: Mapping[str, str],
    said: Lines,
) -> Option:
    notes = {
        note.part: note
        for note in said.known.choice_notes
        if note.option == one.id and condition in note.conditions
    }
    words = said.known.choice_words.get(said.language)

    def told(field: str) -> str:
        if field in notes:
            return words.notes[notes[field].id] if words else notes[field].text
        text: str = words.options[one.id].get(field, "") if words else getattr(one, field)
        return text.format(**fills)

    certainty = next((note.certainty for note in notes.values() if note.certainty), "")
    if one.id == "prolotherapy" and evidence:
        # That of the people who are counted beside it, or else of the first question.
        asked = [*(question for question, _ in _counted(evidence)), *evidence.questions]
        certainty = next((question.certainty for question in asked if question.certainty), "")
    hundred = [*(anyway if one.id == "wait" else ()), *_people(one.id, condition, papers, said)]
    if one.id == "prolotherapy":
        hundred = [*(_with(q, trial, said) for q, trial in _counted(evidence)), *hundred]
    return Option(
        id=one.id,
        name=_name(one, said),
        what=told("what"),
        good=told("good"),
        hundred=tuple(hundred) or (said.line("option-none"),),
        bad=told("bad"),
        harm=told("harm") or said.line("harm-none"),
        life=told("life"),
        visits=told("visits"),
        price=told("price"),
        fails=told("fails"),
        sure=said.line(_level(certainty) if certainty else "sure-none"),
    )


def _people(option: str, condition: str, papers: Mapping[str, Paper], said: Lines) -> Iterator[str]:
    """What the scales of the knowledge count of an option."""
    for scale in said.known.choice_scales.values():
        if scale.is_harm or condition not in scale.conditions:
            continue
        for bar in scale.bars:
            if bar.option == option:
                trial = f"{_capital(said.word(bar.words))}, " if bar.words else ""
                line = said.line(
                    "option-of",
                    trial=trial,
                    when=_when(scale.when, said),
                    of_100=_of_100(bar, scale, papers),
                    outcome=said.word(scale.outcome),
                )
                yield _capital(line)


def _with(question: QuestionTold, trial: TrialTold, said: Lines) -> str:
    return said.line(
        "option-with",
        trial=trial.name,
        when=said.time(trial.when),
        with_it=trial.with_it,
        without=trial.without,
        comparator=said.word(question.comparator),
        outcome=said.word(question.outcome),
    )


def _about(
    evidence: EvidenceTold | None, known: Knowledge, clinic: Mapping[str, str], said: Lines
) -> Iterator[str]:
    """Who wrote it, from what day, when it is looked at again, and who earns by it."""
    about = known.abouts[FILE]
    reviewer = said.word(about.reviewer)
    yield said.line("about-author", author=said.word(about.author), reviewer=reviewer)
    made = said.day(about.reviewed_on)
    searched = known.evidence_topics[evidence.topic].searched_on if evidence else None
    if searched:
        yield said.line("about-date", date=made, searched=said.day(searched))
    else:
        yield said.line("about-date-none", date=made)
    yield said.line("about-update", next=said.day(about.next_review_on))
    yield said.line("about-funding", **clinic)
    yield said.line("about-help", **clinic)


def _sources(
    condition: str,
    options: Sequence[ChoiceOption],
    evidence: EvidenceTold | None,
    known: Knowledge,
) -> Iterator[str]:
    """Where the numbers and the harms are from, each named once."""
    here = [s.source for s in known.choice_scales.values() if condition in s.conditions]
    here += [n.source for n in known.choice_notes if condition in n.conditions]
    here += [one.sources[part] for one in options for part in ("good", "bad", "harm")
             if part in one.sources]  # fmt: skip
    here += [t.source for t in known.consent_texts.values() if t.part in ("what", "risks")]
    group = known.benchmarks.get(known.conditions[condition].benchmark)
    here += [group.source] if group else []
    here += evidence.sources if evidence else []
    yield from dict.fromkeys(source for source in here if ":" in source)


def _hundred(scales: Sequence[Scale], said: Lines) -> Iterator[str]:
    counts = any(b.option == "prolotherapy" for one in scales if not one.is_harm for b in one.bars)
    if not counts:
        yield said.line("scale-none")
    if scales:
        yield said.line("hundred-how")


def _certainty(certainty: str, said: Lines) -> str:
    if not certainty:
        return ""
    return said.line("num-certainty", certainty=said.line(_level(certainty)))


def _level(certainty: str) -> str:
    return f"certainty-{certainty.replace(' ', '-')}"


def _name(one: ChoiceOption, said: Lines) -> str:
    words = said.known.choice_words.get(said.language)
    return words.options[one.id]["name"] if words else one.name


def _when(english: str, said: Lines) -> str:
    """1 year; or words of their own, like "a course"."""
    whole = said.word(english)
    return whole if whole != english else said.time(english)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"

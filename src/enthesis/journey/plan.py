"""Planning: a protocol becomes the plan of one course, with its price, dates and stop rule."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from enthesis.journey.lines import Lines, short
from enthesis.journey.treat import mixture_problems, site_problems
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.series import Protocol, ProtocolSite
from enthesis.records import Mixture, Plan, Side, SiteDose, StopRule
from enthesis.units import Ml, Money, Percent


@dataclass(frozen=True, slots=True)
class SeriesPrice:
    """What a series costs: one session, those that are planned, and the most it can become."""

    per_session: Money
    planned_total: Money
    most_total: Money


def propose(
    protocol_id: str,
    side: Side,
    known: Knowledge,
    price_per_session: Money | None = None,
    finish_relief_percent: Percent | None = None,
) -> Plan:
    """A plan as the protocol has it, on the given side, at the clinic's price and finish level.

    Without a price the tariff's counts, without a finish level that of the knowledge. A mixture
    grows where both sides need more than the protocol prepares. KeyError for an unknown protocol.
    """
    protocol = known.protocols[protocol_id]
    sites = tuple(
        SiteDose(part.site, at, part.mixture, part.volume_ml)
        for part in protocol.sites
        if part.usual
        for at in sides_of(part, side, known)
    )
    return Plan(
        protocol=protocol.id,
        protocol_version=protocol.version,
        mixtures=tuple(_enough(mixture, sites) for mixture in protocol.mixtures),
        sites=sites,
        sessions_planned=protocol.sessions_planned,
        sessions_max=protocol.sessions_max,
        interval_days=protocol.interval_days,
        stop_rule=_stop_rule(protocol, known, finish_relief_percent),
        price_per_session=price_per_session or known.tariff["session"].usual,
    )


def start_from(plan: Plan, places: Iterable[tuple[str, Side]], known: Knowledge) -> Plan:
    """The plan at these places in place of the usual ones, as its protocol doses them.

    A place that the protocol does not name has no dose yet: it is left to whoever plans.
    """
    protocol = known.protocols[plan.protocol]
    parts = {part.site: part for part in protocol.sites}
    sites = tuple(
        SiteDose(part.site, side, part.mixture, part.volume_ml)
        for site, side in places
        if (part := parts.get(site))
    )
    mixtures = tuple(_enough(mixture, sites) for mixture in protocol.mixtures)
    return replace(plan, sites=sites, mixtures=mixtures)


def sides_of(part: ProtocolSite, side: Side, known: Knowledge) -> tuple[Side, ...]:
    """Where a protocol's site is injected for a complaint on `side`; midline pain takes both."""
    if not known.sites[part.site].paired:
        return (Side.MIDLINE,)
    return (side,) if side in (Side.LEFT, Side.RIGHT) else (Side.LEFT, Side.RIGHT)


def check(plan: Plan, known: Knowledge) -> tuple[str, ...]:
    """What is wrong with a plan, in plain words; empty when nothing is."""
    return tuple(_problems(plan, known))


def protocol_problems(protocol: Protocol, known: Knowledge) -> tuple[str, ...]:
    """What is wrong with a protocol, on whichever side and with all of its sites at once."""
    if not protocol.name.strip():
        return ("Give the protocol a name.",)
    every = replace(protocol, sites=tuple(replace(part, usual=True) for part in protocol.sites))
    among = replace(known, protocols={**known.protocols, every.id: every})
    plans = (propose(every.id, side, among) for side in known.conditions[every.condition].sides)
    return tuple(dict.fromkeys(problem for plan in plans for problem in check(plan, among)))


def stop_rule_sentences(
    rule: StopRule, plan: Plan, known: Knowledge, language: str = "en"
) -> tuple[str, ...]:
    """The agreed rule in words for the patient."""
    said = Lines(known, language)
    measure = said.word(known.measures[rule.measure].name.lower())
    times = rule.finish_readings
    often = said.word("once") if times == 1 else f"{times} {said.word('times in a row')}"
    months = [str(m) for m in rule.recheck_months]
    asked = f"{', '.join(months[:-1])} {said.word('and')} {months[-1]}"
    return (
        said.line(
            "stop-finish", measure=measure, relief=short(rule.finish_relief_percent), times=often
        ),
        said.line(
            "stop-below",
            sessions=said.count(rule.stop_after_sessions, "session"),
            measure=measure,
            relief=short(rule.stop_below_percent),
        ),
        *(
            said.line(
                "stop-later",
                sessions=said.count(step.after_sessions, "session"),
                relief=short(step.below_percent),
            )
            for step in rule.later_steps
        ),
        said.line("stop-first"),
        said.line("stop-most", sessions=said.count(plan.sessions_max, "session")),
        said.line("stop-ask", months=asked if len(months) > 1 else "".join(months)),
        said.line("stop-worry"),
        said.line("stop-you"),
    )


def series_price(plan: Plan) -> SeriesPrice:
    """The price of the whole series, said before the first needle."""
    each = plan.price_per_session
    return SeriesPrice(each, each * plan.sessions_planned, each * plan.sessions_max)


def series_dates(plan: Plan, first_on: date, sessions: int | None = None) -> tuple[date, ...]:
    """When the planned sessions (or so many) fall if the first is on `first_on`."""
    gap = timedelta(days=plan.interval_days)
    count = plan.sessions_planned if sessions is None else sessions
    return tuple(first_on + gap * i for i in range(count))


def _enough(mixture: Mixture, sites: tuple[SiteDose, ...]) -> Mixture:
    taken = sum(
        (s.volume_ml for s in sites if s.mixture == mixture.key), start=Ml(0 * mixture.volume_ml)
    )
    return replace(mixture, volume_ml=Ml(max(mixture.volume_ml, taken)))


def _stop_rule(protocol: Protocol, known: Knowledge, finish: Percent | None) -> StopRule:
    usual, choice = known.stop_rule, known.stop_choices[known.stop_rule.choice]
    return StopRule(
        version=usual.version,
        measure=protocol.measure,
        finish_relief_percent=usual.finish_relief_percent if finish is None else finish,
        finish_readings=usual.finish_readings,
        stop_below_percent=usual.stop_below_percent,
        stop_after_sessions=choice.stop_after_sessions or protocol.stop_after_sessions,
        recheck_months=usual.recheck_months,
        later_steps=choice.later_steps,
    )


def _problems(plan: Plan, known: Knowledge) -> Iterator[str]:
    if plan.protocol not in known.protocols:
        yield f"“{plan.protocol}” is no protocol in use: propose the plan anew from another."
    if not plan.sites:
        yield "No site is chosen: choose at least one."
    if plan.sessions_planned < 1:
        yield "Plan at least one session."
    if plan.sessions_max < plan.sessions_planned:
        yield (
            f"At most {plan.sessions_max} sessions is fewer than the "
            f"{plan.sessions_planned} planned."
        )
    if plan.interval_days < 1:
        yield "The sessions must be at least one day apart."
    if plan.price_per_session.amount < 0:
        yield "The price cannot be below zero."
    yield from _stop_rule_problems(plan, known)
    yield from (problem.text for problem in mixture_problems(plan.mixtures, known))
    yield from (problem.text for problem in site_problems(plan.mixtures, plan.sites, known))


def _stop_rule_problems(plan: Plan, known: Knowledge) -> Iterator[str]:
    rule = plan.stop_rule
    if rule.measure not in known.measures or not known.measures[rule.measure].validated:
        yield f"“{rule.measure}” is no validated measure: it cannot decide."
    if not 0 < rule.finish_relief_percent <= 100:
        yield "The relief to finish at must be above 0 and at most 100 %."
    if not 0 <= rule.stop_below_percent < rule.finish_relief_percent:
        yield "The relief to stop below must be less than the relief to finish at."
    if rule.finish_readings < 1:
        yield "At least one answer is needed to finish."
    if not 1 <= rule.stop_after_sessions <= plan.sessions_max:
        yield (
            f"A stop after {rule.stop_after_sessions} sessions does not fit a series of at most "
            f"{plan.sessions_max}."
        )
    after = [step.after_sessions for step in rule.later_steps]
    if after != sorted(set(after)) or not all(1 <= n <= plan.sessions_max for n in after):
        yield "The later steps must be at rising numbers of sessions within the series."
    if any(not 0 < s.below_percent < rule.finish_relief_percent for s in rule.later_steps):
        yield "The relief of a later step must be less than the relief to finish at."
    months = rule.recheck_months
    if not months or list(months) != sorted(set(months)) or months[0] < 1:
        yield "The rechecks must be in rising months, the first after at least one month."

"""What a plan comes to: its days, how many sessions to expect, its price, and its stop rule."""

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from enthesis.clinic.lengths import series_lengths
from enthesis.clinic.models import Appointment, Course
from enthesis.journey import plan as rules
from enthesis.journey.expect import Expected, expected_price, expected_sessions
from enthesis.journey.treat import amount, check_doses
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Plan
from enthesis.units import Kg, money_words


def first_session_on(course: Course, today: date) -> date:
    """The day of the first session that is booked from today on; else today."""
    booked = course.appointments.filter(
        kind=Appointment.Kind.SESSION, state=Appointment.State.BOOKED
    ).order_by("starts_at")
    zone = ZoneInfo(course.patient.clinic.time_zone)
    days = (one.starts_at.astimezone(zone).date() for one in booked)
    return next((on for on in days if on >= today), today)


def series_words(planned: Plan, course: Course, known: Knowledge, first_on: date) -> dict[str, Any]:
    """What the plan comes to: price, dates, dose, and the stop rule in plain words."""
    price = rules.series_price(planned)
    # A slip of the finger must not make a page of a hundred dates.
    dates = rules.series_dates(planned, first_on, planned.sessions_max)
    weight = course.patient.weights.last()
    doses = check_doses(planned.mixtures, planned.sites, Kg(weight.kg) if weight else None, known)
    return {
        "price": money_words(price.per_session),
        "planned_total": money_words(price.planned_total),
        "most_total": money_words(price.most_total),
        "sessions": planned.sessions_planned,
        "most": planned.sessions_max,
        "dates": dates[: planned.sessions_planned],
        "more_dates": dates[planned.sessions_planned :],
        "first_on": first_on,
        "expected": _expected(planned, course, known),
        "sentences": rules.stop_rule_sentences(planned.stop_rule, planned, known),
        "sites": len(planned.sites),
        "volume": amount(sum((s.volume_ml for s in planned.sites), Decimal(0)), "mL"),
        "anaesthetics": dose_words(doses, known),
        "weight": weight,
        "problems": doses.problems,
    }


def _expected(planned: Plan, course: Course, known: Knowledge) -> dict[str, str]:
    """How many sessions to expect with their spread: from the clinic's own courses of this protocol
    once there are enough, before that as studied."""
    given = series_lengths(course.patient.clinic, planned.protocol)
    enough = known.planning.enough_courses
    if found := expected_sessions(given, enough):
        return _from_own_courses(found, planned)
    protocol = known.protocol_of(planned)
    begun = sum(sessions > 0 for sessions, _ in given)
    waits = (
        f"From {enough} courses of this protocol on, the clinic’s own say it; there "
        f"{'is' if begun == 1 else 'are'} {begun}. {known.planning.sources['enough_courses']}"
    )
    if protocol is None:
        return {"words": "Nothing is known of this protocol.", "source": waits}
    least, most = protocol.sessions_planned, protocol.sessions_max
    studied = f"{_sessions(least)}" if least == most else f"{least}, at most {_sessions(most)}"
    from_ = protocol.sources
    return {
        "words": f"The protocol has {studied}. How many are needed is not known yet.",
        "source": f"Planned: {from_['sessions_planned']}. "
        f"At most: {from_['sessions_max']}. {waits}",
    }


def _from_own_courses(found: Expected, planned: Plan) -> dict[str, str]:
    low, middle, high = expected_price(found, planned)
    if found.middle is None:
        words = "Fewer than half of the series here had ended by the last session seen."
    else:
        last = (
            f"three quarters by session {found.high}"
            if found.high
            else "a quarter went on beyond the last session seen"
        )
        words = (
            f"Expect {_sessions(found.middle)}: half of the series here had ended by then, a "
            f"quarter by session {found.low}, {last}."
        )
    return {
        "words": words,
        "price": money_words(middle) if found.middle else "",
        "spread": f"{money_words(low)} to {money_words(high)}" if found.middle else "",
        "source": f"{found.courses} courses of this protocol at this clinic, as the registry last "
        "stood. They ended for whatever reason; those that go on or were lost count for as long "
        "as they were seen. No promise for one patient.",
    }


def _sessions(number: int) -> str:
    return "1 session" if number == 1 else f"{number} sessions"


def dose_words(doses: Any, known: Knowledge) -> list[str]:
    """ "lidocaine 20 mg of 300 mg" for each anaesthetic; the ceiling only where it is known."""
    return [
        f"{known.substances[name].name.lower()} {amount(mg, 'mg')}"
        + (f" of {amount(doses.ceiling_mg[name], 'mg')}" if name in doses.ceiling_mg else "")
        for name, mg in doses.given_mg.items()
    ]

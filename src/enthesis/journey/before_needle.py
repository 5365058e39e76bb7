"""Before the needle: what is asked on the day, and whether a time-out still holds."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from enthesis.journey.treat import amount
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.kinds_session import DayCheck
from enthesis.records import CheckAnswer, Mixture, SiteDose


def checks_for(sex: str, known: Knowledge) -> list[DayCheck]:
    """The checks that a patient is asked, in their order."""
    return [check for check in known.day_checks.values() if sex not in check.not_for]


def standing_against(
    checks: Sequence[DayCheck], answers: Mapping[str, CheckAnswer], on: date
) -> list[str]:
    """Why nothing may be injected yet: what was not asked on the day, and what was found and not
    set aside. Asked later than the day is allowed: a session can be written down afterwards."""
    told = []
    if missing := [check.question for check in checks if check.id not in answers]:
        told.append(f"Not asked yet: {'; '.join(missing)}. Unanswered is not yes.")
    if any(answer.asked_on < on for answer in answers.values()):
        days = sorted({a.asked_on for a in answers.values() if a.asked_on < on})
        told.append(
            f"The checks were asked on {days[0].day} {days[0]:%b %Y}, before the day of the "
            "session. Open the session again and ask on the day."
        )
    for check in checks:
        answer = answers.get(check.id)
        if answer and not answer.as_it_should_be and not answer.set_aside.strip():
            told.append(
                f"Not as it should be: {check.question}. {check.stops} Set it aside with a reason, "
                "or discard the draft."
            )
    return told


def changed_since(
    read_out: Collection[SiteDose],
    mixed: Sequence[Mixture],
    mixtures: Sequence[Mixture],
    sites: Sequence[SiteDose],
    known: Knowledge,
) -> list[str]:
    """What a time-out did not hear of: places, sides, volumes and solutions that came or changed.

    A place that is left out, or less volume, needs no second time-out: nothing new is injected.
    """
    told = []
    heard = {(dose.site, dose.side): dose for dose in read_out}
    for dose in sites:
        name = f"{known.sites[dose.site].name}, {dose.side.value}"
        before_here = heard.get((dose.site, dose.side))
        if before_here is None:
            told.append(name)
        elif before_here.mixture != dose.mixture:
            told.append(f"{name}, with the solution {dose.mixture}")
        elif dose.volume_ml > before_here.volume_ml:
            told.append(f"{name}, more: {amount(dose.volume_ml, 'mL')}")
    before = {mixture.key: mixture for mixture in mixed}
    used = {dose.mixture for dose in sites}
    for mixture in mixtures:
        if mixture.key in used and before.get(mixture.key) != mixture:
            told.append(f"the solution {mixture.key}, {amount(mixture.volume_ml, 'mL')}")
    return told

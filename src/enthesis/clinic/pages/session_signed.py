"""A session in words, and the page of a signed one."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from enthesis.charts.body_map import State
from enthesis.clinic import store
from enthesis.clinic.actions.before_needle import check_answers, time_out_words
from enthesis.clinic.actions.session_draft import Draft, How
from enthesis.clinic.booking import open_sessions, proposed_moves
from enthesis.clinic.models import Course, Session, SessionSite
from enthesis.clinic.pages import patient_banner
from enthesis.clinic.pages.doses import drawn_map, mixture_words, short
from enthesis.clinic.pages.patients import course_words
from enthesis.clinic.pages.plan_words import dose_words
from enthesis.clinic.pages.vials import lots_given
from enthesis.clinic.permissions import StaffRequest
from enthesis.journey.judge import open_warnings
from enthesis.journey.treat import amount, check_doses, volume_words
from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.records import Candidacy, EvaluationResult, Mixture, Side, SiteDose
from enthesis.shape import read
from enthesis.units import Kg, Ml


def row_words(row: Session, known: Knowledge) -> dict[str, str]:
    draft = Draft(
        on=row.on,
        mixtures=read(tuple[Mixture, ...], row.mixtures),
        sites=tuple((_dose(site), site.given) for site in row.sites.all()),
        weight_kg=row.weight_kg,
        lots=row.lots,
        note=row.note,
        site_scores=row.site_scores,
        everywhere=How(row.guidance, row.needle, row.injected_by_id),
        how={
            f"{site.site}:{site.side}": How(
                site.guidance, site.needle, site.injected_by_id, site.depth_mm, site.usual_pain
            )
            for site in row.sites.all()
        },
        checks=check_answers(row),
        complications=tuple(row.complications),
        pain_before=row.pain_before,
        pain_after=row.pain_after,
    )
    return draft_words(draft, known)


def _dose(site: SessionSite) -> SiteDose:
    return SiteDose(site.site, Side(site.side), site.mixture, Ml(site.volume_ml))


def draft_words(draft: Draft, known: Knowledge) -> dict[str, str]:
    """A session in words, part by part: what is compared when two people wrote."""
    told = {"Given on": f"{draft.on.day} {draft.on:%b %Y}"}
    if draft.weight_kg is not None:
        told["Weight"] = f"{short(draft.weight_kg)}\u00a0kg"
    for mixture in draft.mixtures:
        told[f"Solution: {mixture.key}"] = mixture_words(mixture, known)["title"]
    for substance, lot in draft.lots.items():
        told[f"Lot of {known.substances[substance].name.lower()}"] = lot
    for dose, given in draft.sites:
        name = f"{known.sites[dose.site].name}, {dose.side.value}"
        told[name] = f"{'given' if given else 'not given'}, {volume_words(dose, draft.mixtures)}"
        if (score := draft.site_scores.get(f"{dose.site}:{dose.side}")) is not None:
            told[name] += f", tender {score}"
        how = draft.how.get(f"{dose.site}:{dose.side}", How())
        told[name] += "".join(f", {words}" for words in (how.guidance, how.needle) if words)
        told[name] += f", {how.depth_mm} mm deep" if how.depth_mm else ""
        told[name] += f", usual pain: {how.usual_pain}" if how.usual_pain else ""
    told |= {
        label: str(value)
        for label, value in (
            ("Guidance", draft.everywhere.guidance),
            ("Needle", draft.everywhere.needle),
            ("Pain before", draft.pain_before),
            ("Pain right after", draft.pain_after),
            ("Complications", ", ".join(draft.complications)),
        )
        if value not in (None, "")
    }
    for id, answer in draft.checks.items():
        label = known.day_checks[id].question if id in known.day_checks else id
        told[label] = "as it should be" if answer.as_it_should_be else "not so"
        told[label] += f", set aside: {answer.set_aside}" if answer.set_aside else ""
    return {**told, "Note": draft.note} if draft.note else told


def limits_of(mixtures: tuple[Mixture, ...], known: Knowledge) -> list[AnaestheticLimit]:
    """The ceilings that the mixtures are checked against, for their words and sources."""
    drawn = [one for mixture in mixtures for one in mixture.ingredients]
    used = {(one.substance, one.with_adrenaline) for one in drawn}
    return [x for x in known.anaesthetic_limits if (x.substance, x.with_adrenaline) in used]


def state_of(given: bool, *, signed: bool) -> State:
    if given:
        return "given"
    return "left_out" if signed else "planned"


def heading(request: StaffRequest, row: Session, known: Knowledge) -> dict[str, Any]:
    condition, patient = known.conditions[row.course.condition], row.course.patient
    banner = patient_banner(patient, store.today(request.clinic))
    banner["tags"] = [*_danger_tags(row.course, known), *banner["tags"], *_care_tags(row.course)]
    return {
        "session": row,
        "course": row.course,
        "title": course_words(row.course, {condition.id: condition.name}),
        "patient": banner,
    }


def _danger_tags(course: Course, known: Knowledge) -> list[dict[str, str]]:
    """The warning signs that wait for a decision: the session is not signed before it."""
    waiting = dict.fromkeys(r.text for _, r in open_warnings(store.course_record(course), known))
    return [{"tone": "alarm", "icon": "alarm", "text": f"Warning sign: {text}"} for text in waiting]


def _care_tags(course: Course) -> list[dict[str, str]]:
    """What the last evaluation says must be minded at the needle: an allergy that was set aside
    must not be forgotten here."""
    last = course.evaluations.last()
    findings = read(EvaluationResult, last.result).findings if last else ()
    told = []
    for finding in findings:
        if reason := finding.inputs.get("set_aside"):
            told.append(f"Set aside: {finding.text} {reason}")
        elif finding.leads_to is Candidacy.SUITABLE_WITH_CARE:
            told.append(f"With care: {finding.text}")
    return [{"tone": "care", "icon": "care", "text": text} for text in told]


def signed_page(
    request: StaffRequest, row: Session, status: int = 200, **context: Any
) -> HttpResponse:
    """What was given, with the arithmetic by the rules of its day, and what comes next."""
    known = store.known_for(request.clinic, row.on)
    mixtures = read(tuple[Mixture, ...], row.mixtures)
    rows = list(row.sites.all())
    states = [
        (number, site.site, Side(site.side), state_of(site.given, signed=True))
        for number, site in enumerate(rows, start=1)
    ]
    at = timezone.localtime(row.signed_at)
    given = tuple(_dose(site) for site in rows if site.given)
    weight = None if row.weight_kg is None else Kg(row.weight_kg)
    check = check_doses(mixtures, given, weight, known)
    condition = known.conditions[row.course.condition]
    return render(
        request,
        "clinic/treat/signed.html",
        {
            **heading(request, row, known),
            "signed_words": f"Signed {at.day} {at:%b %Y} by {row.signed_by}",
            "sites": [
                (
                    site,
                    known.sites[site.site],
                    amount(site.volume_ml, "mL"),
                    row.site_scores.get(f"{site.site}:{site.side}"),
                )
                for site in rows
            ],
            "mixtures": [mixture_words(mixture, known) for mixture in mixtures],
            "lots": lots_given(row, known),
            "total": amount(sum((dose.volume_ml for dose in given), Decimal(0)), "mL"),
            "given": len(given),
            "anaesthetics": dose_words(check, known),
            "limits": limits_of(mixtures, known),
            "map": drawn_map(condition, Side(row.course.side), states, known),
            "written": row.written.splitlines(),
            "day_checks": _checks_told(row, known),
            "time_out": time_out_words(row),
            "complications": _complications(row, known),
            "not_followed": set(row.complications) - {"none"} and not row.adverse_events.exists(),
            "images": image_rows(row, known),
            "amendments": row.amendments.select_related("by").order_by("at"),
            "next": _next(row, store.today(request.clinic)),
            "later": proposed_moves(row.course),
            "booked": open_sessions(row.course, timezone.now()).exists(),
            "invoice": getattr(row, "invoice", None),
            **context,
        },
        status=status,
    )


def _checks_told(row: Session, known: Knowledge) -> list[dict[str, Any]]:
    """Each check of the day, how it was, and who said so."""
    return [
        {
            "question": known.day_checks[id].question if id in known.day_checks else id,
            "good": answer.as_it_should_be,
            "set_aside": answer.set_aside,
            "by": row.day_checks[id]["by"],
        }
        for id, answer in check_answers(row).items()
    ]


def image_rows(row: Session, known: Knowledge) -> list[dict[str, Any]]:
    """What is attached and was not removed, each with the place that it shows."""
    return [
        {
            "image": image,
            "place": f"{known.sites[image.site].name}, {image.side}" if image.site else "",
        }
        for image in row.images.filter(removed_at=None).select_related("by")
    ]


def _complications(row: Session, known: Knowledge) -> str:
    if not row.complications:
        return "not recorded"
    if row.complications == ["none"]:
        return "none seen"
    names = {one.id: one.name for one in known.complications.values()}
    return "; ".join(names.get(id, id) for id in row.complications)


def _next(row: Session, today: date) -> dict[str, Any] | None:
    """The next session of the plan and the day its interval names; None at the series' end."""
    plan = store.course_record(row.course).plan
    later = row.course.sessions.filter(number__gt=row.number).exists()
    if plan is None or later or row.number >= plan.sessions_max:
        return None
    on = row.on + timedelta(days=plan.interval_days)
    return {"number": row.number + 1, "on": max(on, today), "interval_days": plan.interval_days}

"""The note of a session, out of its rows."""

from enthesis.clinic.actions.before_needle import (
    check_answers,
    time_out_words,
    withdrawal_words,
)
from enthesis.clinic.models import Session
from enthesis.clinic.stock import lots_in_words
from enthesis.journey.session_note import Place, Recorded, session_note
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture, Side, SiteDose
from enthesis.shape import read
from enthesis.units import Kg, Ml


def write_note(session: Session, known: Knowledge) -> str:
    """The sentences of the record as it stands, one a line."""
    places, left_out = [], []
    for row in session.sites.select_related("injected_by"):
        dose = SiteDose(row.site, Side(row.side), row.mixture, Ml(row.volume_ml))
        if not row.given:
            left_out.append(dose)
            continue
        places.append(
            Place(
                dose=dose,
                guidance=row.guidance or session.guidance,
                needle=row.needle or session.needle,
                depth_mm=row.depth_mm,
                injected_by=str(row.injected_by or session.injected_by or ""),
                usual_pain=row.usual_pain,
                tender=session.site_scores.get(f"{row.site}:{row.side}"),
            )
        )
    used = {place.dose.mixture for place in places}
    told = Recorded(
        number=session.number,
        on=session.on,
        complaint=f"{known.conditions[session.course.condition].name}, {session.course.side}",
        mixtures=[m for m in read(tuple[Mixture, ...], session.mixtures) if m.key in used],
        places=places,
        left_out=left_out,
        lots=lots_in_words(session),
        weight_kg=None if session.weight_kg is None else Kg(session.weight_kg),
        checks=check_answers(session),
        time_out=time_out_words(session),
        withdrawal=withdrawal_words(session),
        complications=session.complications,
        pain_before=session.pain_before,
        pain_after=session.pain_after,
        images=list(session.images.filter(removed_at=None).values_list("name", flat=True)),
    )
    return "\n".join(session_note(told, known))

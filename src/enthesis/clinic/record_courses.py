"""One course of a patient's whole record, in words: everything that was recorded of it, by kind."""

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext

from enthesis.clinic import models, store
from enthesis.clinic.actions.answer import answers_of, asked_questions
from enthesis.clinic.actions.before_needle import check_answers, time_out_words
from enthesis.clinic.harm import Harm, harms_in
from enthesis.clinic.pages.ask import said as answer_said
from enthesis.clinic.pages.statement import statement_of
from enthesis.clinic.pictures import TO_SHOW
from enthesis.clinic.record_parts import Part, Speech, Table, filled, kept, short, yes_no
from enthesis.clinic.timeline import CANDIDACY_WORDS
from enthesis.journey import follow
from enthesis.journey.evaluate import QUESTIONNAIRE
from enthesis.journey.plan import stop_rule_sentences
from enthesis.journey.treat import amount
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Candidacy, Course, Evaluation, Mark, Mixture, NextStep, Occasion, Side
from enthesis.shape import read
from enthesis.units import money_words

NONE = "–"


def course_part(row: models.Course, speech: Speech) -> Part:
    """The course as one part; the language of the patient must be switched on."""
    known = speech.said.known
    record = store.course_record(row)
    kinds = (
        (gettext("What you told us, and the examination"), _evaluations(row, speech)),
        (gettext("The plan"), _plans(row, speech)),
        (gettext("Consent"), _consents(row, speech)),
        (gettext("Treatments"), _sessions(row, speech)),
        (gettext("Your answers"), _answers(row, speech)),
        (gettext("Harms"), _harms(row, known, speech)),
        (gettext("Decisions"), _decisions(row, speech)),
    )
    condition = known.conditions.get(row.condition)
    name = speech.said.word(condition.name) if condition else row.condition
    money = statement_of(row)
    return Part(
        f"{name}, {side_words(row.side)}",
        facts=kept(
            (
                (gettext("Opened"), speech.day(row.opened_on)),
                (gettext("In your words"), row.complaint),
                (gettext("Clinician"), row.clinician or ""),
                (gettext("Series ended"), row.series_ended_on and speech.day(row.series_ended_on)),
                (gettext("Closed"), row.closed_on and speech.day(row.closed_on)),
            )
        ),
        parts=tuple(
            filled(
                (
                    *(Part(title, parts=tuple(parts)) for title, parts in kinds),
                    Part(gettext("The six signs over time"), tables=tuple(_signs(record, speech))),
                    _money(money, speech),
                    *_lists(row, speech),
                )
            )
        ),
    )


def side_words(side: str) -> str:
    """Which side, in the language that is switched on."""
    return {
        Side.LEFT: gettext("left"),
        Side.RIGHT: gettext("right"),
        Side.BOTH: gettext("both sides"),
        Side.MIDLINE: gettext("midline"),
    }[Side(side)]


def _evaluations(row: models.Course, speech: Speech) -> Iterator[Part]:
    for one in row.evaluations.select_related("by"):
        known = _known(row, one.on, speech)
        plain = {"on": one.on, "answers": one.answers, "cleared": one.cleared, "rows": one.rows}
        told = read(Evaluation, plain, f"evaluation {one.pk}")
        answer = one.result.get("answer")
        asked = known.questionnaires[QUESTIONNAIRE].questions
        yield Part(
            speech.day(one.on),
            facts=kept(
                (
                    (gettext("By"), one.by or ""),
                    (gettext("Result"), CANDIDACY_WORDS[Candidacy(answer)][0] if answer else ""),
                )
            ),
            lines=(
                *(
                    f"{found['text']} {found.get('action', '')}".strip()
                    for found in one.result.get("findings", ())
                ),
                *(
                    gettext("%(rule)s was set aside: %(reason)s") % {"rule": rule, "reason": why}
                    for rule, why in told.cleared.items()
                ),
            ),
            tables=(
                Table(
                    gettext("What was asked, and your answers"),
                    (gettext("Question"), gettext("Answer")),
                    tuple(
                        (question.text, answer_said(question, dict(told.answers)))
                        for question in asked
                        if question.id in told.answers
                    ),
                ),
                *_row_tables(told, known),
            ),
        )


def _row_tables(told: Evaluation, known: Knowledge) -> Iterator[Table]:
    tables = {table.id: table for table in known.row_tables}
    for id, rows in told.rows.items():
        table = tables.get(id)
        if table is None or not rows:
            continue
        yield Table(
            table.title,
            tuple(column.text for column in table.columns),
            tuple(
                tuple(
                    dict(column.options).get(row.get(column.id, ""), row.get(column.id, "")) or NONE
                    for column in table.columns
                )
                for row in rows
            ),
        )


def _plans(row: models.Course, speech: Speech) -> Iterator[Part]:
    for one in row.plans.select_related("by"):
        plan = store.plan_record(one)
        known = _known(row, one.agreed_on or speech.on(one.at), speech)
        protocol = known.protocol_of(plan)
        said = speech.said
        yield Part(
            f"{speech.day(one.agreed_on or speech.on(one.at))}, "
            + (gettext("agreed") if one.agreed_on else gettext("proposed")),
            facts=kept(
                (
                    (gettext("Agreed by"), one.agreed_name),
                    (gettext("Proposed by"), one.by or ""),
                    (gettext("Protocol"), protocol.name if protocol else plan.protocol),
                    (
                        gettext("Series"),
                        gettext(
                            "%(planned)s sessions planned, at most %(most)s, %(days)s days apart"
                        )
                        % {
                            "planned": plan.sessions_planned,
                            "most": plan.sessions_max,
                            "days": plan.interval_days,
                        },
                    ),
                    (gettext("Price of a session"), money_words(plan.price_per_session)),
                    (
                        gettext("Solutions"),
                        "; ".join(mixture_words(mixture, known) for mixture in plan.mixtures),
                    ),
                    (
                        gettext("Places"),
                        "; ".join(
                            f"{known.sites[site.site].name}, {side_words(site.side)}"
                            + f" ({site.mixture})" * (len(plan.mixtures) > 1)
                            for site in plan.sites
                        ),
                    ),
                )
            ),
            lines=(
                gettext("When to stop, as agreed:"),
                *stop_rule_sentences(plan.stop_rule, plan, known, said.language),
            ),
        )


def mixture_words(mixture: Mixture, known: Knowledge) -> str:
    """A solution in one line: how much, of what."""
    of = ", ".join(
        f"{known.substances[one.substance].name.lower()} {short(one.percent)}\u00a0%"
        for one in mixture.ingredients
    )
    of = of or known.substances[mixture.diluent].name
    return f"{mixture.key}, {amount(mixture.volume_ml, 'mL')}: {of}"


def _consents(row: models.Course, speech: Speech) -> Iterator[Part]:
    for one in row.consents.defer("pdf").select_related("by"):
        signed = one.fact == models.Consent.Fact.SIGNED
        title = gettext("Signed") if signed else gettext("Taken back")
        facts = ((gettext("Name"), one.name), (gettext("Written down by"), one.by or ""))
        paper = gettext("The paper itself is among the files.") if one.pdf_sha256 else ""
        yield Part(f"{speech.at(one.at)}, {title}", kept(facts), (paper,) if paper else ())


def _sessions(row: models.Course, speech: Speech) -> Iterator[Part]:
    rows = row.sessions.exclude(signed_at=None).select_related("signed_by", "injected_by")
    rows = rows.prefetch_related("sites", "amendments__by", "set_aside__by", "images")
    for one in rows:
        known = _known(row, one.on, speech)
        mixtures = read(tuple[Mixture, ...], one.mixtures, f"session {one.pk}")
        yield Part(
            gettext("Session %(number)s, %(day)s")
            % {"number": one.number, "day": speech.day(one.on)},
            facts=kept(
                (
                    (gettext("Signed"), f"{one.signed_by}, {speech.at(one.signed_at)}"),  # type: ignore[arg-type]
                    (gettext("Weight"), one.weight_kg and f"{short(one.weight_kg)}\u00a0kg"),
                    (gettext("Solutions"), "; ".join(mixture_words(m, known) for m in mixtures)),
                    (gettext("Where"), "; ".join(_places(one, known))),
                    (gettext("Lots"), "; ".join(f"{k} {v}" for k, v in one.lots.items() if v)),
                    (gettext("Pain before, 0 to 10"), one.pain_before),
                    (gettext("Pain right after"), one.pain_after),
                    (gettext("Complications"), _complications(one, known)),
                )
            ),
            lines=tuple(_session_lines(one, known, speech)),
        )


def _session_lines(one: models.Session, known: Knowledge, speech: Speech) -> Iterator[str]:
    for id, told in check_answers(one).items():
        question = known.day_checks[id].question if id in known.day_checks else id
        aside = f" {told.set_aside}" if told.set_aside else ""
        yield f"{question}: {yes_no(told.as_it_should_be)}.{aside}"
    if one.time_out:
        yield time_out_words(one)
    for stop in one.set_aside.all():
        yield f"{stop.caution}: {stop.reason} ({stop.by})"
    yield from (one.written or "").splitlines()
    yield from (one.note or "").splitlines()
    for added in one.amendments.all():
        yield f"{gettext('Added')} {speech.at(added.at)}, {added.by}: {added.text}"


def _complications(one: models.Session, known: Knowledge) -> str:
    if one.complications == ["none"]:
        return gettext("none seen")
    names = {c.id: c.name for c in known.complications.values()}
    return "; ".join(names.get(id, id) for id in one.complications)


def _places(one: models.Session, known: Knowledge) -> Iterator[str]:
    """Where, how much and how tender before: one line, as a table for each would be slow."""
    for site in one.sites.all():
        name = known.sites[site.site].name if site.site in known.sites else site.site
        volume = amount(site.volume_ml, "mL") if site.given else gettext("left out")
        volume += f" ({site.mixture})" * (len(one.mixtures) > 1)
        tender = one.site_scores.get(f"{site.site}:{site.side}")
        before = "" if tender is None else f" ({gettext('tender')} {tender}/10)"
        yield f"{name}, {side_words(site.side)}: {volume}{before}"


OCCASIONS = {
    Occasion.BASELINE: lambda: gettext("Before treatment"),
    Occasion.AFTER_SESSION: lambda: gettext("After a session"),
    Occasion.RECHECK: lambda: gettext("Recheck, months later"),
}


def _answers(row: models.Course, speech: Speech) -> Iterator[Part]:
    for one in row.assessments.exclude(completed_at=None).select_related("entered_by", "read_by"):
        known = _known(row, speech.on(one.completed_at), speech)  # type: ignore[arg-type]
        given = answers_of(one)
        ours = one.questionnaire in known.questionnaires
        every = dict(known.questions(one.questionnaire)) if ours else {}
        every |= {question.id: question for question in asked_questions(one, known)}
        rows = [
            (every[id].text, answer_said(every[id], given)) if id in every else (id, str(value))
            for id, value in given.items()
        ]
        yield Part(
            f"{speech.day(one.on)}, {OCCASIONS[Occasion(one.occasion)]()}",
            facts=kept(
                (
                    (gettext("Typed in by"), one.entered_by or ""),
                    (gettext("Read by"), one.read_by or ""),
                )
            ),
            lines=(
                *(danger.text for danger in follow.dangers(given, known)),
                *(f"{question} {answer}" for question, answer in rows),
            ),
        )


def _signs(record: Course, speech: Speech) -> Iterator[Table]:
    found = [one for one in follow.signs(record, speech.said.known) if one.readings]
    days = sorted({reading.on for one in found for reading in one.readings})
    if not days:
        return
    values = [{reading.on: reading.value for reading in one.readings} for one in found]
    yield Table(
        gettext("The six signs over time"),
        (gettext("Day"), *(speech.said.word(one.measure.name) for one in found)),
        tuple(
            (
                speech.day(on),
                *(
                    NONE if (value := read_on.get(on)) is None else short(value.quantize(TO_SHOW))
                    for read_on in values
                ),
            )
            for on in days
        ),
    )


def _harms(row: models.Course, known: Knowledge, speech: Speech) -> Iterator[Part]:
    for harm in sorted(harms_in(row, known), key=lambda one: one.event.onset_on):
        event = harm.event
        yield Part(
            f"{speech.day(event.onset_on)}, {harm.kind}",
            facts=kept(
                (
                    (gettext("How bad"), harm.grade),
                    (gettext("Serious"), yes_no(event.serious)),
                    (gettext("How it ended"), harm.outcome),
                    (gettext("What happened"), event.what_happened),
                    (gettext("What was done"), event.what_was_done),
                    (gettext("Written down by"), event.by),
                    (gettext("Judged"), harm.judging),
                )
            ),
            lines=tuple(_added(harm, speech)),
        )


def _added(harm: Harm, speech: Speech) -> Iterator[str]:
    for entry in harm.event.entries.all():
        yield f"{speech.at(entry.at)}, {entry.by}: {entry.text}"


def _decisions(row: models.Course, speech: Speech) -> Iterator[Part]:
    steps = {
        NextStep.GO_ON: gettext("go on"),
        NextStep.FINISH: gettext("finish"),
        NextStep.STOP: gettext("stop"),
        NextStep.RECHECK: gettext("recheck"),
        NextStep.REFER: gettext("refer"),
    }
    for one in row.decisions.select_related("by").defer("inputs"):
        yield Part(
            f"{speech.day(one.on)}, {steps[NextStep(one.decided)]}",
            facts=kept(
                (
                    (gettext("Decided by"), one.by),
                    (gettext("Suggested was"), _suggested(one, steps)),
                    (gettext("Why suggested"), _why(one)),
                    (gettext("Reason"), one.reason),
                    (gettext("Recheck on"), one.recheck_on and speech.day(one.recheck_on)),
                )
            ),
        )


def _suggested(one: models.Decision, steps: dict[NextStep, str]) -> str:
    """The step and how it goes on: go on, to session 2 of at most 4."""
    further = one.verdict.get("headline", "")
    return ", ".join(filter(None, (steps[NextStep(one.suggested)], further)))


def _why(one: models.Decision) -> str:
    """What was found true, in the words of the rules of that day; the rest was no reason."""
    reasons = one.verdict.get("reasons", ())
    return " ".join(reason["text"] for reason in reasons if reason["mark"] == Mark.MET)


def _money(told: dict[str, object], speech: Speech) -> Part:
    lines: list = told["lines"]  # type: ignore[type-arg,assignment]
    rows = tuple(
        (speech.day(one.on), one.words, money_words(one.amount) if one.amount else NONE)
        for one in lines
    )
    caption = gettext("What was charged and paid")
    head = (gettext("Day"), gettext("What"), gettext("Amount"))
    lead = gettext("What you paid has a minus sign.")
    table = Table(caption, head, rows)
    return Part(gettext("Bills and payments"), (), (lead,), (table,)) if rows else Part("")


def _lists(row: models.Course, speech: Speech) -> Iterator[Part]:
    """What is a line each: visits, messages, calls, scores, papers, files."""
    booked = row.appointments.select_related("clinician", "room")
    yield Part(
        gettext("Visits"),
        lines=tuple(
            f"{speech.at(one.starts_at)}, {one.get_kind_display()}, {one.minutes} min: "
            f"{one.get_state_display()}" + (f", {one.clinician}" if one.clinician else "")
            for one in booked
        ),
    )
    yield Part(
        gettext("Messages to you, and calls"),
        lines=(
            *(
                f"{speech.at(one.made_at)}: {one.get_state_display()}"
                + (f" ({one.why})" if one.why else "")
                for one in row.messages.filter(is_alert=False)
            ),
            *(f"{speech.at(one.at)}, {one.by}: {one.outcome}" for one in row.calls.all()),
        ),
    )
    yield Part(
        gettext("Scores of other questionnaires"),
        lines=tuple(
            f"{speech.day(one.on)}, {one.instrument}: {short(one.score)} "
            f"({short(one.lowest)} – {short(one.highest)})"
            for one in row.typed_scores.all()
        ),
    )
    yield Part(
        gettext("Papers given to you"),
        lines=(
            *(
                f"{speech.day(one.made_on)}, {gettext('Estimate')} {one.number}"
                for one in row.estimates.all()
            ),
            *(f"{speech.day(one.made_on)}, Superbill" for one in row.superbills.all()),
            *(
                f"{speech.at(one.at)}, {gettext('the choices on paper')}: {one.condition}"
                for one in row.aids_given.all()
            ),
        ),
    )
    yield Part(gettext("Files"), lines=tuple(_files(row, speech)))


def _files(row: models.Course, speech: Speech) -> Iterator[str]:
    images = models.SessionImage.objects.filter(session__course=row)
    for one in (*row.files.all(), *images):
        gone = f". {gettext('Taken off')}: {one.removed_because}" if one.removed_at else ""
        yield f"{speech.at(one.at)}, {one.by}: {one.name}{gone}"


def _known(row: models.Course, on: date, speech: Speech) -> Knowledge:
    """What was known on a day, in the patient's language where it has words."""
    return store.known_for(row.patient.clinic, on, speech.said.language)

"""Everything recorded about one patient, as a paper that reads like one and as a bundle to take
along: the paper, the files that were kept, and the signed papers as they were signed."""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.translation import gettext

from enthesis.clinic import audit, image_files, store
from enthesis.clinic.documents import printed
from enthesis.clinic.dossiers import dossier_of
from enthesis.clinic.models import (
    AuditEvent,
    Consent,
    CourseFile,
    EstimateReceived,
    Patient,
    SessionImage,
)
from enthesis.clinic.record_courses import course_part
from enthesis.clinic.record_parts import Part, Speech, Table, kept, short
from enthesis.exchange.fhir.extension import SITE
from enthesis.exchange.fhir.out import resources
from enthesis.journey.lines import Lines

FOLDER_NAME = re.compile(r"[^\w.-]+")


def record_pdf(patient: Patient) -> bytes:
    """The whole record as PDF/UA in the patient's language, as far as there are words. Raises
    LettersError, naming the letters that cannot be printed."""
    return printed("record", record_context(patient), patient.language)


def record_context(patient: Patient, language: str = "") -> dict[str, Any]:
    """What the body of the paper needs, in the patient's language or the one given."""
    clinic, language = patient.clinic, language or patient.language
    today = store.today(clinic)
    said = Lines(store.known_for(clinic, today), language)
    speech = Speech(said, ZoneInfo(clinic.time_zone))
    with translation.override(language):
        title = gettext("Your whole record")
        courses = patient.courses.select_related("clinician", "patient__clinic").order_by(
            "opened_on", "id"
        )
        parts = [
            _person(patient, speech),
            *(course_part(one, speech) for one in courses),
            _looked_at(patient, speech),
        ]
    return {
        "title": title,
        "language": language,
        "facts": f"{patient.given} {patient.family}, {patient.number} · {clinic.name}"
        f" · {said.day(today)}",
        "parts": parts,
        "clinic": clinic,
    }


def _person(patient: Patient, speech: Speech) -> Part:
    asked = patient.allergies_asked_on
    none = gettext("none known, asked %(day)s") % {"day": speech.day(asked)} if asked else ""
    sexes = {
        Patient.Sex.FEMALE: gettext("female"),
        Patient.Sex.MALE: gettext("male"),
        Patient.Sex.OTHER: gettext("other"),
    }
    unknown = gettext("not recorded")
    return Part(
        gettext("Who you are"),
        facts=(
            (gettext("Name"), f"{patient.given} {patient.family}"),
            (gettext("Number here"), str(patient.number)),
            (gettext("Born"), speech.day(patient.born_on) if patient.born_on else unknown),
            (gettext("Sex"), sexes.get(Patient.Sex(patient.sex), unknown)),
            (gettext("Language"), patient.get_language_display()),
            (gettext("Phone"), patient.phone or unknown),
            (gettext("E-mail"), patient.email or unknown),
            (gettext("Allergies"), patient.allergies or none or unknown),
            (gettext("Blood thinner"), patient.anticoagulant or unknown),
            (gettext("Patient since"), speech.day(speech.on(patient.created_at))),
            *kept([(gettext("Brought in from"), patient.source)]),
        ),
        lines=tuple(_wishes(patient, speech)),
        tables=tuple(_weights(patient, speech)),
    )


def _wishes(patient: Patient, speech: Speech) -> Iterator[str]:
    for one in patient.contact_choices.all():
        way = gettext("messages") if one.way == "messages" else gettext("calls")
        wish = gettext("wanted") if one.wanted else gettext("not wanted")
        yield f"{speech.at(one.at)}: {way}, {wish}"


def _weights(patient: Patient, speech: Speech) -> Iterator[Table]:
    rows = tuple(
        (speech.day(one.measured_on), f"{short(one.kg)}\u00a0kg") for one in patient.weights.all()
    )
    if rows:
        yield Table(gettext("Weight"), (gettext("Day"), gettext("Weight")), rows)


def _looked_at(patient: Patient, speech: Speech) -> Part:
    """Who did what with the record, by day: from the audit trails, which nobody can change."""
    counted: Counter[tuple[date, str, str]] = Counter()
    for at, actor, what in audit.reads_of(patient):
        counted[speech.on(at), actor, f"read: {what.replace('_', ' ')}"] += 1
    wrote = AuditEvent.objects.filter(patient=patient).order_by("id")
    for at, actor, action in wrote.values_list("at", "actor", "action"):
        counted[speech.on(at), actor, action.replace("_", " ")] += 1
    rows = tuple(
        (speech.day(on), who, f"{what} ({times})" if times > 1 else what)
        for (on, who, what), times in sorted(counted.items())
    )
    head = (gettext("Day"), gettext("Who"), gettext("What"))
    title = gettext("Who worked with this record")
    return Part(
        title,
        lines=(gettext("The words are those of our log, in English."),),
        tables=(Table(title, head, rows),),
    )


def record_fhir(patient: Patient) -> str:
    """The record for another program: an R4 Bundle. Pictures and papers lie beside it as files."""
    known = store.known_for(patient.clinic, store.today(patient.clinic))
    entries = [
        {"fullUrl": f"{SITE}/{one['resourceType']}/{one['id']}", "resource": one}
        for one in resources(dossier_of(patient), known)
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(bundle, ensure_ascii=False, allow_nan=False, indent=1)


def record_zip(patient: Patient) -> bytes:
    """The paper and the files as they were kept. What is missing or damaged is named in it."""
    box = BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("record.pdf", record_pdf(patient))
        out.writestr("record.fhir.json", record_fhir(patient))
        missing = []
        for name, data in _papers(patient):
            out.writestr(f"papers/{name}", data)
        for row in _files(patient):
            name = f"files/{row._meta.model_name}-{row.pk}-{FOLDER_NAME.sub('_', row.name)}"
            try:
                out.writestr(name, image_files.fetch(row.sha256))
            except image_files.DamagedImage:
                missing.append({"file": name, "sha256": row.sha256})
        if missing:
            out.writestr("missing.json", json.dumps(missing, indent=1))
    return box.getvalue()


def _papers(patient: Patient) -> Iterator[tuple[str, bytes]]:
    """Consents and estimates as they were read and signed."""
    for signed in Consent.objects.filter(course__patient=patient).exclude(pdf_sha256=""):
        yield f"consent-{signed.pk}.pdf", bytes(signed.pdf)
    received = EstimateReceived.objects.filter(estimate__course__patient=patient)
    for one in received.order_by("pk"):
        yield f"estimate-{one.estimate_id}.pdf", bytes(one.pdf)


def _files(patient: Patient) -> Iterator[CourseFile | SessionImage]:
    yield from CourseFile.objects.filter(course__patient=patient, removed_at=None)
    yield from SessionImage.objects.filter(session__course__patient=patient, removed_at=None)

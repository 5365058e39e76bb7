"""Writes to the clinic at once when a patient gives a warning answer.

Today shows the answer whatever happens here; the mail is for whoever is not looking. It goes
through the outbox, so that a dead server or mail server delays it and does not lose it.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from enthesis.clinic import audit
from enthesis.clinic.actions import save
from enthesis.clinic.models import Assessment, Clinic, Message

SENDER = "Enthesis"


@transaction.atomic
def queue_alert(assessment: Assessment) -> Message | None:
    """Put the alert about an answer into the outbox, within the caller's transaction: an answer
    that is kept is an alert that is kept. None where the clinic gave no address for it."""
    clinic = assessment.course.patient.clinic
    if not clinic.alert_email:
        return None
    key = alert_key(assessment.pk)
    message = save(
        Message(
            course=assessment.course,
            is_alert=True,
            key=key,
            ask=key,
            occasion=assessment.occasion,
            questionnaire=assessment.questionnaire,
            due_on=assessment.on,
            message_id=message_id(clinic, key),
            not_before=timezone.now(),
        )
    )
    audit.record(None, "queue_alert", message, detail={"key": key}, by=SENDER)
    return message


def alert_key(assessment_id: int) -> str:
    """By which the alert about an answer is found in the outbox."""
    return f"alert/{assessment_id}"


def message_id(clinic: Clinic, key: str) -> str:
    """The Message-ID of a mail, from its key."""
    # With the installation's key, so that nobody reads a course number off a mail.
    host = clinic.sender_email.rpartition("@")[2] or "enthesis.invalid"
    return f"<{salted_hmac('enthesis.message', key).hexdigest()[:32]}@{host}>"

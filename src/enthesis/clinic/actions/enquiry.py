"""Questions to the clinic: taken, answered, set aside, published while both agree, forgotten."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enthesis.clinic import audit, proof, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.alert import SENDER, message_id
from enthesis.clinic.enquiries import followed, say
from enthesis.clinic.models import Clinic, Enquiry, EnquiryFact, Message, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.proof import Proof
from enthesis.journey import enquiry
from enthesis.journey.enquiry import Fact

ASKER = "asker"
WRONG = {Proof.NONE: "wrong_proof", Proof.TOO_FAST: "wrong_fast"}


@dataclass(frozen=True)
class Asked:
    """What somebody wrote on the public page."""

    name: str
    email: str
    question: str
    may_publish: bool
    language: str


@transaction.atomic
def ask_question(clinic: Clinic, asked: Asked, shown_proof: str, address: str) -> Enquiry:
    """Keep a question, once for its proof. The network address is not kept.

    Refused, in the asker's language, without a good proof, and when there were too many.
    """
    # Held until the end: of many that come at once with one proof, or at the limit, one is first.
    clinic = Clinic.objects.select_for_update().get(pk=clinic.pk)
    now, told = timezone.now(), say(clinic, asked.language)
    rules = store.known_for(clinic, store.today(clinic)).enquiry_rules
    used = proof.used(shown_proof)
    if before := Enquiry.objects.filter(clinic=clinic, proof=used).first():
        if (before.question, before.email) == (asked.question, asked.email):
            return before  # sent twice
        raise Refused(told["wrong_proof"])
    if wrong := WRONG.get(proof.judge(shown_proof, clinic, rules)):
        raise Refused(told[wrong])
    mark, ours = proof.sender_mark(clinic, address, now), Enquiry.objects.filter(clinic=clinic)
    in_hour = ours.filter(asked_from=mark).count()
    in_day = ours.filter(at__gt=now - timedelta(days=1)).count()
    if many := enquiry.too_many(in_hour, in_day, rules):
        raise Refused(told[many.replace("-", "_")])
    row = save(Enquiry(clinic=clinic, proof=used, asked_from=mark, at=now, **vars(asked)))
    audit.record(None, "ask_question", row, by=ASKER)
    return row


@transaction.atomic
def read_enquiry(user: User, enquiry_id: int) -> Enquiry:
    """A question with who asked it, to look at: that it was looked at is kept too."""
    row = get_for(user, Enquiry, enquiry_id)
    audit.record(user, "read_enquiry", row)
    return row


@transaction.atomic
def answer_enquiry(user: User, enquiry_id: int, answer: str, by_mail: bool) -> EnquiryFact:
    """Answer a question, once. `by_mail` puts the letter into the outbox; else staff send it."""
    row = get_for(user, Enquiry, enquiry_id, lock=True)
    if followed(row).standing.answered:
        raise Refused("This question was answered already.", "answer")
    if not row.email:
        raise Refused("The asker’s address was erased: nobody can be answered any more.", "answer")
    fact = _add(row, Fact.ANSWERED, user, answer=answer)
    if by_mail:
        _queue(row)
    audit.record(user, "answer_enquiry", row, detail={"by_mail": by_mail})
    return fact


def _queue(row: Enquiry) -> None:
    key = f"enquiry/{row.pk}"
    save(
        Message(
            enquiry=row,
            key=key,
            ask=key,
            occasion="enquiry",
            questionnaire="enquiry",
            due_on=store.today(row.clinic),
            message_id=message_id(row.clinic, key),
            not_before=timezone.now(),
        )
    )


@transaction.atomic
def set_aside_enquiry(user: User, enquiry_id: int) -> EnquiryFact:
    """Nothing is to be answered. It can still be, as long as the address is kept."""
    row = get_for(user, Enquiry, enquiry_id, lock=True)
    if not followed(row).standing.waits:
        raise Refused("This question does not wait for an answer any more.")
    audit.record(user, "set_aside_enquiry", row)
    return _add(row, Fact.SET_ASIDE, user)


@transaction.atomic
def publish_enquiry(user: User, enquiry_id: int, question: str, answer: str) -> EnquiryFact:
    """Show a question and its answer, in the wording that staff made of them, to everybody.

    Refused without an answer, without the asker's agreement, and while the asker is named.
    """
    row = get_for(user, Enquiry, enquiry_id, lock=True)
    if not followed(row).standing.may_be_published:
        raise Refused("Both must agree, and the asker does not, or it is not answered.")
    if enquiry.names_asker((question, answer), row.name, row.email):
        raise Refused("The asker’s name or e-mail address stands in it. Take it out.")
    audit.record(user, "publish_enquiry", row)
    return _add(row, Fact.PUBLISHED, user, question=question, answer=answer)


@transaction.atomic
def take_back_enquiry(user: User, enquiry_id: int) -> EnquiryFact:
    """Show it no more. Refused while it is not shown."""
    row = get_for(user, Enquiry, enquiry_id, lock=True)
    if not followed(row).standing.shown:
        raise Refused("This question is not published.")
    audit.record(user, "take_back_enquiry", row)
    return _add(row, Fact.TAKEN_BACK, user)


@transaction.atomic
def withdraw_agreement(enquiry_id: int) -> None:
    """The asker takes the agreement back, by the link in the answer; once is enough."""
    row = Enquiry.objects.select_for_update().get(pk=enquiry_id)
    if followed(row).standing.asker_agrees:
        audit.record(None, "withdraw_agreement", row, by=ASKER)
        _add(row, Fact.WITHDRAWN, None)


def _add(row: Enquiry, fact: Fact, user: User | None, **words: str) -> EnquiryFact:
    return save(EnquiryFact(enquiry=row, fact=fact, by=user, **words))


def forget_askers(now: datetime) -> int:
    """Erase name and e-mail of those who asked too long ago, answered or not, and what marks their
    network once the hour is over; of how many."""
    return sum(_forget(clinic, now) for clinic in Clinic.objects.all())


def _forget(clinic: Clinic, now: datetime) -> int:
    days = store.known_for(clinic, store.day_of(clinic, now)).enquiry_rules.keep_days
    ours = Enquiry.objects.filter(clinic=clinic)
    marked = ours.exclude(asked_from="").filter(at__lt=now - timedelta(hours=1))
    due = ours.filter(erased_at=None, at__lt=now - timedelta(days=days))
    # Looking costs no lock; this is run every five minutes.
    return _erase(marked, due, now) if marked.exists() or due.exists() else 0


@transaction.atomic
def _erase(marked: QuerySet[Enquiry], due: QuerySet[Enquiry], now: datetime) -> int:
    marked.update(asked_from="")
    rows = list(due.select_for_update())
    for row in rows:
        row.name, row.email, row.erased_at = "", "", now
        row.save(update_fields=["name", "email", "erased_at"])
        audit.record(None, "forget_askers", row, by=SENDER)
    return len(rows)

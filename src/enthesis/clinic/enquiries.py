"""Questions to the clinic as they stand, and the letter that answers one. Holds no rule."""

from dataclasses import dataclass
from datetime import datetime

from django.core.signing import BadSignature, Signer
from django.urls import reverse

from enthesis.clinic import models, store
from enthesis.journey.enquiry import Fact, Standing, lines, standing
from enthesis.journey.lines import Lines

SIGNER = Signer(salt="enthesis.asked")


@dataclass(frozen=True)
class Followed:
    """An enquiry with what became of it."""

    row: models.Enquiry
    facts: list[models.EnquiryFact]
    standing: Standing

    def last(self, fact: Fact) -> models.EnquiryFact | None:
        """The last fact of a kind."""
        return next((one for one in reversed(self.facts) if one.fact == fact), None)

    @property
    def answer(self) -> models.EnquiryFact | None:
        """What was answered."""
        return self.last(Fact.ANSWERED)

    @property
    def published(self) -> models.EnquiryFact | None:
        """What everybody sees."""
        return self.last(Fact.PUBLISHED) if self.standing.shown else None

    @property
    def message(self) -> models.Message | None:
        """The mail with the answer; none where staff sent it themselves."""
        return next(reversed(self.row.messages.all()), None)


def followed(row: models.Enquiry) -> Followed:
    """An enquiry with its facts, by the core."""
    facts = list(row.facts.all())
    return Followed(row, facts, standing(row.may_publish, [Fact(one.fact) for one in facts]))


def newest_first(clinic: models.Clinic) -> list[Followed]:
    """The clinic's enquiries, the newest first."""
    rows = models.Enquiry.objects.filter(clinic=clinic).order_by("-id")
    return [followed(row) for row in rows.prefetch_related("facts", "messages")]


def shown(clinic: models.Clinic, language: str) -> list[models.EnquiryFact]:
    """What the clinic has published in a language, the newest first."""
    rows = models.Enquiry.objects.filter(
        clinic=clinic, language=language, may_publish=True, facts__fact=Fact.PUBLISHED
    ).distinct()
    told = (followed(row).published for row in rows.prefetch_related("facts"))
    return sorted((one for one in told if one), key=lambda one: -one.pk)


def number_waiting(clinic: models.Clinic) -> int:
    """How many wait for an answer."""
    done = [Fact.ANSWERED, Fact.SET_ASIDE]
    return models.Enquiry.objects.filter(clinic=clinic).exclude(facts__fact__in=done).count()


def say(clinic: models.Clinic, language: str, **more: str) -> dict[str, str]:
    """The lines of page and mail in a language, filled in, by id with _ for -."""
    known = store.known_for(clinic, store.today(clinic))
    told, rules = lines(known, language), known.enquiry_rules
    own = clinic.emergency_text_es if language == "es" else clinic.emergency_text
    put_in = dict.fromkeys(("name", "date", "answer", "link"), "") | more
    put_in |= {"clinic": clinic.name, "phone": clinic.phone, "help": own or told["not-help"]}
    put_in |= {"most": str(rules.question_characters), "days": str(rules.keep_days)}
    return {id.replace("-", "_"): text.format(**put_in) for id, text in told.items()}


def day_words(clinic: models.Clinic, at: datetime, language: str) -> str:
    """26 Nov 2026, where the clinic is, in the language's own way."""
    said = Lines(store.known_for(clinic, store.today(clinic)), language)
    return said.day(store.day_of(clinic, at))


def answer_letter(row: models.Enquiry, host: str, *, by_us: bool) -> tuple[str, str]:
    """Subject and text of the mail with the answer, in the language of the question. `host` is
    where patients reach this server; `by_us`: Enthesis sends it, and nobody reads what comes back.
    """
    one = followed(row)
    told = say(
        row.clinic,
        row.language,
        name=row.name,
        date=day_words(row.clinic, row.at, row.language),
        answer=one.answer.answer if one.answer else "",
        link=host + reverse("asked", args=[own_token(row)]),
    )
    parts = [told["mail_body"]]
    if one.standing.asker_agrees:
        parts.append(told["mail_agreed"])
    if by_us:
        parts.append(told["mail_no_reply"])
    return told["mail_subject"], "\n\n".join(part.strip() for part in parts) + "\n"


def own_token(row: models.Enquiry) -> str:
    """The address at which the asker takes agreement back: it never expires, and says nothing but
    a number."""
    return SIGNER.sign(str(row.pk)).replace(":", "-", 1)


def of_token(token: str) -> models.Enquiry | None:
    """Whose agreement it is; None for a wrong address."""
    if ":" in token:  # It opens as it was made, and in no other spelling.
        return None
    try:
        pk = SIGNER.unsign(token.replace("-", ":", 1))
    except BadSignature:
        return None
    return models.Enquiry.objects.select_related("clinic").filter(pk=int(pk)).first()

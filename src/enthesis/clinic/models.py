"""All tables. Facts are rows, appended and amended, never overwritten.

What a record *means* (phase, what is due, the verdict) is not stored: `journey` computes it from
the records that `store.py` makes of these rows. Rows that people edit carry `version`: an action
compares it, so that two people never lose a change silently. Money and volumes are decimals.
"""

import uuid
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Self, cast

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    ProhibitNullCharactersValidator,
)
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from enthesis.clinic import columns
from enthesis.clinic.access import saw
from enthesis.clinic.chain import ContentHash
from enthesis.clinic.uploads import NAME_MOST, Kind
from enthesis.journey.enquiry import Fact

NO_NUL = [ProhibitNullCharactersValidator()]


class Role(models.TextChoices):
    CLINICIAN = "clinician", "Clinician"
    FRONT_DESK = "front_desk", "Front desk"
    ADMINISTRATOR = "administrator", "Clinic administrator"
    RESEARCHER = "researcher", "Researcher, without names"
    AUDITOR = "auditor", "Auditor"


class Clinic(models.Model):
    """A clinic and its settings. `invented` marks the demonstration clinic on every page."""

    name = columns.CharField(max_length=120, validators=NO_NUL)
    phone = columns.CharField(max_length=40, validators=NO_NUL)
    emergency_text = columns.CharField(max_length=300, blank=True, validators=NO_NUL)
    # The same for patients who are asked in Spanish; empty means the shipped words.
    emergency_text_es = columns.CharField(max_length=300, blank=True, default="", validators=NO_NUL)
    time_zone = columns.CharField(max_length=60, default="UTC")
    currency = columns.CharField(max_length=3, default="USD")
    invented = models.BooleanField(default=False)
    finish_relief_percent = columns.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True
    )
    # What a session cost before any price with a start date (TariffPrice).
    price_per_session = columns.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    # What stands on papers.
    address = columns.TextField(max_length=300, blank=True, default="", validators=NO_NUL)
    tax_id = columns.CharField(max_length=30, blank=True, default="", validators=NO_NUL)
    npi = columns.CharField(max_length=10, blank=True, default="", validators=NO_NUL)
    # From how far above the estimate on a bill is warned of; null: the knowledge files'.
    estimate_line = columns.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    # One of the stop choices of the knowledge files; empty means their default.
    stop_choice = columns.CharField(max_length=20, blank=True, default="", validators=NO_NUL)
    # Another one with each change of the clinic's own protocols: what is known is kept by it.
    protocols_stamp = columns.CharField(max_length=32, blank=True, default="", editable=False)
    # Messages to patients; hours without a value are those of the knowledge files.
    reminders_on = models.BooleanField(default=False)
    sender_email = columns.EmailField(blank=True, default="")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    # Who is written to at once when a patient gives a warning answer; empty: nobody.
    alert_email = columns.EmailField(blank=True, default="")
    # One of the pain-pill choices of rules/aftercare.toml; empty means their default.
    pain_pill_choice = columns.CharField(max_length=20, blank=True, default="", validators=NO_NUL)
    # Whether the public page takes questions, and shows those that were published.
    takes_questions = models.BooleanField(default=False)
    # Monday to Sunday as typed ("08:00-12:00, 13:00-17:00", "" is closed), and days off as
    # ISO dates. No weekday set: a series is not placed.
    opening_hours = models.JSONField(default=list, blank=True)
    closed_days = models.JSONField(default=list, blank=True)
    # Ceilings for anaesthetics that the knowledge files have none for, with who entered each and
    # when; only added to: a later one of the same substance takes the place of an earlier.
    own_ceilings = models.JSONField(default=list, blank=True)
    # How long an opening in an emergency lasts; null: the knowledge files'.
    emergency_minutes = columns.PositiveSmallIntegerField(null=True, blank=True)
    version = columns.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    username = columns.limited(AbstractUser, "username")
    password = columns.limited(AbstractUser, "password")
    first_name = columns.limited(AbstractUser, "first_name")
    last_name = columns.limited(AbstractUser, "last_name")
    email = columns.limited(AbstractUser, "email")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, null=True, blank=True)
    role = columns.CharField(max_length=20, choices=Role.choices, default=Role.FRONT_DESK)
    display_name = columns.CharField(max_length=120, validators=NO_NUL)
    # The password was given by somebody else: the next sign-in begins with choosing one's own.
    must_change_password = models.BooleanField(default=False)
    # Sessions, tokens of programs and calendar addresses of before this moment have ended.
    signed_out_at = models.DateTimeField(null=True, blank=True)
    version = columns.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return self.display_name or self.username

    def factors_now(self) -> "models.QuerySet[SecondFactor]":
        """The passkeys and apps to sign in with; recovery codes alone do not make a factor."""
        kept = SecondFactor.objects.filter(user=self, removed_at=None)
        return kept.exclude(kind=SecondFactor.Kind.RECOVERY)

    @property
    def needs_factor(self) -> bool:
        """Whether a password alone is not enough: never so in the invented clinic, whose passwords
        everybody knows."""
        invented = self.clinic is not None and self.clinic.invented
        return bool(settings.SECOND_FACTOR) and not invented


class SentForm(models.Model):
    """A form that wrote something: sent again it is answered as it was, and writes nothing."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    page = columns.CharField(max_length=200)
    key = columns.CharField(max_length=40)
    # A keyed hash of what was typed.
    content = columns.CharField(max_length=64)
    # Where its answer led to; empty: the answer was shown at once, and was not kept.
    answer = columns.CharField(max_length=300, blank=True, default="")
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "key"], name="form_sent_once")
        ]


class SecondFactor(models.Model):
    """What a user signs in with beside the password; removed, it stays as a fact.

    `secret`: an app's seed, sealed; a passkey's public credential; a recovery code's hash.
    `counter`: an app's last used step of 30 seconds, a passkey's count of signatures.
    """

    class Kind(models.TextChoices):
        PASSKEY = "passkey", "Passkey"
        APP = "app", "App with codes"
        RECOVERY = "recovery", "Recovery code"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="factors")
    kind = columns.CharField(max_length=10, choices=Kind.choices)
    name = columns.CharField(max_length=60, blank=True, default="", validators=NO_NUL)
    secret = models.BinaryField()
    # SHA-256 of a passkey's credential id, by which it is found.
    credential = columns.CharField(max_length=64, unique=True, null=True, blank=True)
    counter = columns.BigIntegerField(default=0)
    added_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]


class Patient(models.Model):
    class Sex(models.TextChoices):
        FEMALE = "female", "Female"
        MALE = "male", "Male"
        OTHER = "other", "Other"
        UNKNOWN = "unknown", "Not recorded"

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        SPANISH = "es", "Español"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    number = columns.PositiveIntegerField()
    family = columns.CharField(max_length=100, validators=NO_NUL)
    given = columns.CharField(max_length=100, validators=NO_NUL)
    born_on = models.DateField(null=True, blank=True)
    sex = columns.CharField(max_length=10, choices=Sex.choices, default=Sex.UNKNOWN)
    phone = columns.CharField(max_length=40, blank=True, validators=NO_NUL)
    email = columns.EmailField(blank=True)
    # In which the questions and messages to this patient are written.
    language = columns.CharField(max_length=2, choices=Language.choices, default=Language.ENGLISH)
    # Never blank on screen: null means nobody asked yet, "" with a date means asked, none known.
    allergies = columns.CharField(max_length=300, blank=True, validators=NO_NUL)
    allergies_asked_on = models.DateField(null=True, blank=True)
    anticoagulant = columns.CharField(max_length=200, blank=True, validators=NO_NUL)
    # Where an imported record came from, so that importing twice adds nothing.
    source = columns.CharField(max_length=60, blank=True)
    source_key = columns.CharField(max_length=100, blank=True)
    version = columns.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["family", "given", "number"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "number"], name="patient_number_once"),
            models.UniqueConstraint(
                fields=["clinic", "source", "source_key"],
                condition=~Q(source=""),
                name="patient_imported_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.family}, {self.given}"

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **later: Any
    ) -> Self:
        """As Django does it; whoever is watched has now read this patient's record."""
        row = super().from_db(db, field_names, values, **later)
        saw(row.pk)
        return row


class Weight(models.Model):
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="weights")
    kg = columns.DecimalField(max_digits=5, decimal_places=1, validators=[MinValueValidator(1)])
    measured_on = models.DateField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        ordering = ["measured_on", "id"]


class Course(models.Model):
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="courses")
    condition = columns.CharField(max_length=60)
    side = columns.CharField(max_length=10)
    complaint = columns.CharField(max_length=500, blank=True, validators=NO_NUL)
    opened_on = models.DateField()
    # For courses kept elsewhere: when treatment ended there (see records.Course).
    series_ended_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    clinician = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="courses"
    )
    source = columns.CharField(max_length=60, blank=True)
    version = columns.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-opened_on", "-id"]

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **later: Any
    ) -> Self:
        """As Django does it; whoever is watched has now read this patient's record."""
        row = super().from_db(db, field_names, values, **later)
        if "patient_id" in row.__dict__:
            saw(row.patient_id)
        return row


class Evaluation(models.Model):
    """Answers as given (plain JSON of records.Evaluation) with the result of that day's rules."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="evaluations")
    on = models.DateField()
    answers = models.JSONField(blank=True)  # nothing answered yet is a fact too
    cleared = models.JSONField(default=dict, blank=True)
    rows = models.JSONField(default=dict, blank=True)
    result = models.JSONField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "id"]


class Plan(models.Model):
    """A plan as proposed or agreed: `content` is the plain form of records.Plan.

    A plan that was agreed is never changed: a new row replaces it, with a new agreement.
    """

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="plans")
    content = models.JSONField()
    agreed_on = models.DateField(null=True, blank=True)
    agreed_name = columns.CharField(max_length=200, blank=True, validators=NO_NUL)
    # Agreed since there is a consent to sign; plans agreed before go on with their agreement.
    needs_consent = models.BooleanField(default=False)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)
    version = columns.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["at", "id"]


class Guidance(models.TextChoices):
    """What led the needle. Empty is not recorded."""

    PALPATION = "palpation", "Palpation"
    ULTRASOUND = "ultrasound", "Ultrasound"
    FLUOROSCOPY = "fluoroscopy", "Fluoroscopy"
    CT = "ct", "CT"


class Session(models.Model):
    """One treatment. A draft is edited (version); once signed it is only amended."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="sessions")
    number = columns.PositiveSmallIntegerField()
    on = models.DateField()
    weight_kg = columns.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    # Plain forms of records.Mixture and what the core computed for them when signed.
    mixtures = models.JSONField()
    recipe = models.JSONField(default=dict, blank=True)
    lots = models.JSONField(default=dict, blank=True)
    # As typed for lots that stock does not know, by substance: ISO dates.
    lot_expiries = models.JSONField(default=dict, blank=True)
    # Tenderness on pressing before the needle, 0 to 10, by "site:side"; only what was scored.
    site_scores = models.JSONField(default=dict, blank=True)
    # How it was given everywhere; a site says only what was different there.
    guidance = columns.CharField(max_length=20, choices=Guidance.choices, blank=True, default="")
    needle = columns.CharField(max_length=60, blank=True, default="", validators=NO_NUL)
    # Null in a draft: whoever signs it.
    injected_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    pain_before = columns.PositiveSmallIntegerField(null=True, blank=True)
    pain_after = columns.PositiveSmallIntegerField(null=True, blank=True)
    # Ids of the knowledge, or "none" where it was said; empty is unknown.
    complications = models.JSONField(default=list, blank=True)
    # By id of the check: as_it_should_be, set_aside, asked_on, by, at. Absent is unknown.
    day_checks = models.JSONField(default=dict, blank=True)
    # at, by, with, sites and mixtures as they were read out; or at, by, not_held.
    time_out = models.JSONField(default=dict, blank=True)
    note = columns.TextField(blank=True, max_length=4000, validators=NO_NUL)
    # The note as written from the record when it was signed.
    written = columns.TextField(blank=True, default="")
    # The form as it stands while it cannot be read; emptied by the next save.
    typed = models.JSONField(default=dict, blank=True)
    # The opened page that saved last: its own save is no conflict, even if the answer was lost.
    editor = columns.CharField(max_length=40, blank=True, default="", validators=NO_NUL)
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    version = columns.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["course", "number"], name="session_number_once")
        ]


class SessionSite(models.Model):
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="sites")
    position = columns.PositiveSmallIntegerField()
    site = columns.CharField(max_length=60)
    side = columns.CharField(max_length=10)
    mixture = columns.CharField(max_length=30)
    volume_ml = columns.DecimalField(max_digits=5, decimal_places=2)
    given = models.BooleanField(default=False)
    # Empty: as everywhere in the session.
    guidance = columns.CharField(max_length=20, choices=Guidance.choices, blank=True, default="")
    needle = columns.CharField(max_length=60, blank=True, default="", validators=NO_NUL)
    depth_mm = columns.PositiveSmallIntegerField(null=True, blank=True)
    injected_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Whether the needle woke the pain that the patient knows: "yes", "no", empty is unknown.
    usual_pain = columns.CharField(max_length=3, blank=True, default="", validators=NO_NUL)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["session", "site", "side"], name="session_site_once"),
            models.CheckConstraint(
                condition=Q(volume_ml__gt=0), name="session_site_volume_positive"
            ),
        ]


class CautionSetAside(models.Model):
    """Why a hard stop of journey/cautions.py does not hold for one session; only added."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="set_aside")
    caution = columns.CharField(max_length=500, validators=NO_NUL)
    reason = columns.CharField(max_length=500, validators=NO_NUL)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)


class StockProduct(models.Model):
    """What the clinic keeps vials of: one substance, strength and size of vial."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    substance = columns.CharField(max_length=30)
    # Null: its name says all there is, as of water.
    percent = columns.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    vial_ml = columns.DecimalField(max_digits=7, decimal_places=2)
    low_vials = columns.PositiveSmallIntegerField()
    # Whether sessions take its vials out of stock; no longer kept, their lots are typed again.
    is_kept = models.BooleanField(default=True)
    version = columns.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["substance", "percent", "vial_ml", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(vial_ml__gt=0), name="stock_vial_positive"),
            models.UniqueConstraint(
                "clinic",
                "substance",
                Coalesce("percent", Value(Decimal(0))),
                "vial_ml",
                name="stock_product_once",
                violation_error_message="The clinic keeps this product already.",
            ),
        ]


class StockLot(models.Model):
    """One lot of a product. `key` is its number as lots are compared (journey.stock.lot_key)."""

    product = models.ForeignKey(StockProduct, on_delete=models.PROTECT, related_name="lots")
    number = columns.CharField(max_length=40, validators=NO_NUL)
    key = columns.CharField(max_length=40, validators=NO_NUL)
    expires_on = models.DateField()
    version = columns.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["expires_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "key"], name="stock_lot_once"),
        ]


class StockMovement(models.Model):
    """Vials came (above zero) or went; only ever added. What is on hand is the sum.

    `left` is that sum after this movement, `number` its place: each follows upon the one before,
    once, and never below zero, whatever path a row comes by.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received", "Received"
        USED = "used", "Used"
        WASTED = "wasted", "Thrown away or sent back"
        RETURNED = "returned", "Put back"
        COUNTED = "counted", "Corrected by a count"

    lot = models.ForeignKey(StockLot, on_delete=models.PROTECT, related_name="movements")
    number = columns.PositiveIntegerField()
    kind = columns.CharField(max_length=10, choices=Kind.choices)
    vials = columns.IntegerField()
    left = columns.IntegerField()
    on = models.DateField()
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, null=True, blank=True, related_name="movements"
    )
    reason = columns.CharField(max_length=200, blank=True, validators=NO_NUL)
    # Given by the form that receives vials: a double click or a retry is the same delivery.
    request_key = columns.CharField(max_length=40, unique=True, null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["lot", "number"], name="stock_movement_in_turn"),
            models.CheckConstraint(condition=Q(left__gte=0), name="stock_never_below_zero"),
            models.CheckConstraint(
                condition=Q(kind__in=["received", "returned"], vials__gt=0)
                | Q(kind__in=["used", "wasted"], vials__lt=0)
                | (Q(kind="counted") & ~Q(vials=0)),
                name="stock_movement_its_way",
            ),
        ]


class LotRecall(models.Model):
    """A lot was recalled, kept in stock or not: refused for sessions from `on`, until lifted."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    number = columns.CharField(max_length=40, validators=NO_NUL)
    key = columns.CharField(max_length=40, validators=NO_NUL)
    on = models.DateField()
    reason = columns.CharField(max_length=200, validators=NO_NUL)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    lifted_reason = columns.CharField(max_length=200, blank=True, validators=NO_NUL)
    lifted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "key"],
                condition=Q(lifted_at=None),
                name="lot_recalled_once",
                violation_error_message="This lot is marked as recalled already.",
            )
        ]


class Amendment(models.Model):
    """An addition to a signed session; the signed record itself never changes."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="amendments")
    text = columns.TextField(max_length=4000, validators=NO_NUL)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)


class KeptFile(models.Model):
    """A picture or PDF, never interpreted; its bytes lie in the data folder.

    One that is taken off is not deleted: its row stays, with who did it and why.
    """

    name = columns.CharField(max_length=NAME_MOST, validators=NO_NUL)
    content_type = columns.CharField(max_length=20, choices=[(k.value, k.name) for k in Kind])
    size_bytes = columns.PositiveIntegerField()
    sha256 = columns.CharField(max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    removed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_because = columns.CharField(max_length=300, blank=True, default="", validators=NO_NUL)

    class Meta:
        abstract = True


def _kept_whole(name: str, owner: str, said: str) -> list[models.BaseConstraint]:
    """Once with each owner, of a kind that is let in, and taken off whole or not at all."""
    return [
        models.UniqueConstraint(
            fields=[owner, "sha256"],
            condition=Q(removed_at=None),
            name=f"{name}_once",
            violation_error_message=said,
        ),
        models.CheckConstraint(
            condition=Q(content_type__in=[k.value for k in Kind]), name=f"{name}_kind"
        ),
        models.CheckConstraint(
            condition=Q(removed_at=None, removed_by=None, removed_because="")
            | (Q(removed_at__isnull=False, removed_by__isnull=False) & ~Q(removed_because="")),
            name=f"{name}_removed_whole",
        ),
    ]


class CourseFile(KeptFile):
    """A report of imaging or a letter, kept with a course."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="files")

    class Meta:
        ordering = ["id"]
        constraints = _kept_whole(
            "course_file", "course", "This file is attached to the course already."
        )


class SessionImage(KeptFile):
    """A file attached to a session: removed only before signing, added afterwards too."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="images")
    # Both empty: of the whole session.
    site = columns.CharField(max_length=60, blank=True, default="", validators=NO_NUL)
    side = columns.CharField(max_length=10, blank=True, default="", validators=NO_NUL)

    class Meta:
        ordering = ["id"]
        constraints = _kept_whole(
            "session_image", "session", "This image is attached to the session already."
        )


class Room(models.Model):
    """A room that holds one appointment at a time. One no longer used keeps its past."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="rooms")
    name = columns.CharField(max_length=60, validators=NO_NUL)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "name"],
                name="room_name_once",
                violation_error_message="There is a room of this name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Appointment(models.Model):
    class Kind(models.TextChoices):
        EVALUATION = "evaluation", "Evaluation"
        SESSION = "session", "Session"
        RECHECK = "recheck", "Recheck"

    class State(models.TextChoices):
        BOOKED = "booked", "Booked"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        MISSED = "missed", "Did not come"

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="appointments")
    clinician = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="appointments"
    )
    room = models.ForeignKey(
        Room, on_delete=models.PROTECT, null=True, blank=True, related_name="appointments"
    )
    # Names the appointment in the patient's calendar, through every move.
    uid = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    starts_at = models.DateTimeField()
    minutes = columns.PositiveSmallIntegerField(default=30, validators=[MinValueValidator(5)])
    kind = columns.CharField(max_length=20, choices=Kind.choices)
    state = columns.CharField(max_length=20, choices=State.choices, default=State.BOOKED)
    version = columns.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            # The action also refuses overlaps; this holds whatever path a row comes by.
            models.UniqueConstraint(
                fields=["clinician", "starts_at"],
                condition=Q(state="booked"),
                name="clinician_booked_once",
            ),
            models.UniqueConstraint(
                fields=["room", "starts_at"],
                condition=Q(state="booked"),
                name="room_booked_once",
            ),
        ]


class CalendarFeed(models.Model):
    """A secret address from which a user's own calendar program reads appointments, until it is
    taken back. Only a hash of the secret is kept."""

    class Shows(models.TextChoices):
        NOTHING = "nothing", "Nothing of the patient"
        NUMBER = "number", "The patient’s number"
        INITIALS = "initials", "The patient’s initials"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="calendar_feeds")
    token_hash = columns.CharField(max_length=64, unique=True)
    shows = columns.CharField(max_length=10, choices=Shows.choices, default=Shows.NOTHING)
    # Else only the appointments with this user.
    of_everybody = models.BooleanField(default=False)
    made_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(revoked_at=None), name="calendar_feed_once"
            )
        ]


class AnswerLink(models.Model):
    """A patient's personal link to one questionnaire of one course. Only a hash is kept."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="links")
    questionnaire = columns.CharField(max_length=60)
    occasion = columns.CharField(max_length=20)
    token_hash = columns.CharField(max_length=64, unique=True)
    due_on = models.DateField()
    # As the patient chose on the page; empty is the patient's own.
    language = columns.CharField(max_length=2, choices=Patient.Language.choices, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["made_at", "id"]


class Assessment(models.Model):
    """One set of answers, saved answer by answer; facts once `completed_at` is set."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="assessments")
    link = models.OneToOneField(AnswerLink, on_delete=models.PROTECT, null=True, blank=True)
    on = models.DateField()
    occasion = columns.CharField(max_length=20)
    questionnaire = columns.CharField(max_length=60)
    answers = models.JSONField(default=dict, blank=True)
    source = columns.CharField(max_length=20, default="patient")
    # Of a program's answers: a retry is the same set.
    request_key = columns.CharField(max_length=40, unique=True, null=True, editable=False)
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    read_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="assessments_read"
    )
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["on", "id"]


class TypedScore(models.Model):
    """The result of a questionnaire that is not shipped, typed in: shown, and never judged by."""

    class Better(models.TextChoices):
        LOWER = "lower", "Lower is better"
        HIGHER = "higher", "Higher is better"

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="typed_scores")
    on = models.DateField()
    instrument = columns.CharField(max_length=60, validators=NO_NUL)
    score = columns.DecimalField(max_digits=7, decimal_places=2)
    lowest = columns.DecimalField(max_digits=7, decimal_places=2)
    highest = columns.DecimalField(max_digits=7, decimal_places=2)
    better = columns.CharField(max_length=6, choices=Better.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["instrument", "on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(score__gte=models.F("lowest"), score__lte=models.F("highest")),
                name="typed_score_within",
            )
        ]


class AdverseEvent(models.Model):
    """Something bad that happened, as first reported; what is found out later are `entries`.

    Kind, grade and outcome are ids of rules/adverse_events.toml. The row itself changes only in
    `version`, which each added entry moves on, so that of two who judge at once one must look.
    """

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="adverse_events")
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, null=True, blank=True, related_name="adverse_events"
    )
    # The patient's warning answer that it was opened from: one event for each answer.
    assessment = models.OneToOneField(
        Assessment, on_delete=models.PROTECT, null=True, blank=True, related_name="adverse_event"
    )
    kind = columns.CharField(max_length=40)
    onset_on = models.DateField()
    grade = columns.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    serious = models.BooleanField()
    outcome = columns.CharField(max_length=20)
    what_happened = columns.TextField(max_length=2000, validators=NO_NUL)
    what_was_done = columns.TextField(max_length=2000, blank=True, validators=NO_NUL)
    # Given by the form: a double click or a retry is the same event.
    request_key = columns.CharField(max_length=40, unique=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)
    version = columns.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-onset_on", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(grade__gte=1, grade__lte=5), name="adverse_event_grade"
            )
        ]


class AdverseEventEntry(models.Model):
    """What was added to an adverse event: a judgement of relatedness, or how it went on."""

    event = models.ForeignKey(AdverseEvent, on_delete=models.PROTECT, related_name="entries")
    # One of both is empty; an id of rules/adverse_events.toml.
    relatedness = columns.CharField(max_length=20, blank=True, default="")
    outcome = columns.CharField(max_length=20, blank=True, default="")
    # As it is known by now; null: as it was.
    grade = columns.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    text = columns.TextField(max_length=2000, validators=NO_NUL)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]


class Decision(models.Model):
    """What the clinician decided beside what was suggested, with the inputs to recompute it."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="decisions")
    on = models.DateField()
    suggested = columns.CharField(max_length=10)
    decided = columns.CharField(max_length=10)
    reason = columns.CharField(max_length=500, blank=True, validators=NO_NUL)
    verdict = models.JSONField()
    inputs = models.JSONField()
    inputs_sha256 = columns.CharField(max_length=64)
    recheck_on = models.DateField(null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "id"]


class Arrangement(models.Model):
    """Payment in parts, promised before the treatment. The last one of a course holds.

    `parts` are plain journey.instalments.Part, in their order.
    """

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="arrangements")
    agreed_on = models.DateField()
    currency = columns.CharField(max_length=3)
    parts = models.JSONField()
    request_key = columns.CharField(max_length=40, unique=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]


class Invoice(models.Model):
    """A bill, numbered without gaps within a clinic: in the ledger, its lines are what is charged.

    Lines are only ever added with it; what it asks too much is taken back by a credit note.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    number = columns.PositiveIntegerField()
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="invoices")
    session = models.OneToOneField(Session, on_delete=models.PROTECT, null=True, blank=True)
    issued_on = models.DateField()
    due_on = models.DateField()
    currency = columns.CharField(max_length=3)
    arrangement = columns.CharField(max_length=300, blank=True, validators=NO_NUL)
    # By parts, where it falls under an arrangement: which, and what is due when.
    arranged = models.ForeignKey(
        Arrangement, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    parts = models.JSONField(default=list, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "number"], name="invoice_number_once")
        ]


class InvoiceLine(models.Model):
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    text = columns.CharField(max_length=200, validators=NO_NUL)
    code = columns.CharField(max_length=20, blank=True)
    # Of the tariff, by which its name is said in another language; empty in older lines.
    item = columns.CharField(max_length=30, blank=True, default="")
    units = columns.PositiveSmallIntegerField(default=1)
    amount = columns.DecimalField(max_digits=10, decimal_places=2)


class LedgerEntry(models.Model):
    """One entry of the ledger (journey.ledger.Entry) but the invoices, which stand for themselves.

    `number` counts without gaps within the clinic and the `paper`: receipts, credit notes,
    refunds and corrections.
    """

    class Method(models.TextChoices):
        CASH = "cash", "Cash"
        CARD = "card", "Card terminal"
        TRANSFER = "transfer", "Bank transfer"
        ONLINE = "online", "Card online"

    class Kind(models.TextChoices):
        PAYMENT = "payment", "Payment"
        DEPOSIT = "deposit", "Deposit"
        SERIES = "series", "Prepaid series"
        DEPOSIT_USED = "deposit_used", "Paid from the deposit"
        SESSION_USED = "session_used", "Paid from the prepaid series"
        CREDIT_NOTE = "credit_note", "Credit note"
        REFUND = "refund", "Refund"
        DEPOSIT_BACK = "deposit_back", "Deposit given back"
        UNUSED_BACK = "unused_back", "Unused sessions given back"
        TAKEN_BACK = "taken_back", "Payment taken back"

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="entries")
    kind = columns.CharField(max_length=20, choices=Kind.choices)
    on = models.DateField()
    paper = columns.CharField(max_length=20)
    number = columns.PositiveIntegerField()
    amount = columns.DecimalField(max_digits=10, decimal_places=2)
    currency = columns.CharField(max_length=3)
    # Empty where no money moved: a credit note, a deposit or a prepaid session used.
    method = columns.CharField(max_length=10, choices=Method.choices, blank=True, default="")
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="entries"
    )
    # An earlier one: the series that is used or given back, the payment that is taken back.
    about = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="later"
    )
    sessions = columns.PositiveSmallIntegerField(default=0)
    reason = columns.CharField(max_length=300, blank=True, default="", validators=NO_NUL)
    # Given by the form: a double click or a retry is the same entry.
    request_key = columns.CharField(max_length=40, unique=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["clinic", "on"], name="ledger_day")]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_amount_positive"),
            models.UniqueConstraint(
                fields=["clinic", "paper", "number"], name="ledger_number_once"
            ),
        ]


class CardProblem(models.Model):
    """A patient paid on the gateway's page, and it could not be entered as asked: the desk decides.

    Once for each payment there. `said` is the amount as the gateway told it.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="card_problems")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT)
    payment = columns.CharField(max_length=255, unique=True)
    said = columns.CharField(max_length=60)
    why = columns.CharField(max_length=300)
    at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    note = columns.CharField(max_length=300, blank=True, default="", validators=NO_NUL)

    class Meta:
        ordering = ["id"]


class DayClose(models.Model):
    """The day was counted: what should have come in and what did, by method, as decimal text.

    A closed day, and every day before it, takes no more entries.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="closes")
    on = models.DateField()
    currency = columns.CharField(max_length=3)
    expected = models.JSONField()
    counted = models.JSONField()
    note = columns.CharField(max_length=300, blank=True, default="", validators=NO_NUL)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["on"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "on"],
                name="day_closed_once",
                violation_error_message="This day is closed already.",
            )
        ]


class TariffPrice(models.Model):
    """A price of the clinic's own, or a percentage, from a day on. Rows are only added; of each
    item the one that started last holds. `amount` null: no longer charged."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="prices")
    item = columns.CharField(max_length=30)
    amount = columns.DecimalField(max_digits=10, decimal_places=3, null=True, blank=True)
    # So many are in the price of the session.
    included = columns.PositiveSmallIntegerField(default=0)
    starts_on = models.DateField()
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]


class Estimate(models.Model):
    """One version of a course's estimate, as it was given: `content` holds the plain forms of
    journey.estimate.Estimate and of what stood around it. A change is a new version."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="estimates")
    number = columns.PositiveSmallIntegerField()
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    made_on = models.DateField()
    content = models.JSONField()
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["course", "number"], name="estimate_number_once")
        ]


class SigningLink(models.Model):
    """A personal address at which something is read and signed; only its secret's hash is kept."""

    token_hash = columns.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
        ordering = ["id"]


class EstimateLink(SigningLink):
    """A personal address at which one estimate is read and received. It expires unless used."""

    estimate = models.ForeignKey(Estimate, on_delete=models.PROTECT, related_name="links")


class EstimateReceived(models.Model):
    """A fact: the patient read an estimate and typed their name; `pdf` is what was read."""

    estimate = models.OneToOneField(Estimate, on_delete=models.PROTECT, related_name="received")
    link = models.ForeignKey(EstimateLink, on_delete=models.PROTECT)
    name = columns.CharField(max_length=200, validators=NO_NUL)
    language = columns.CharField(max_length=2, choices=Patient.Language.choices)
    pdf = models.BinaryField()
    pdf_sha256 = columns.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)


class Superbill(models.Model):
    """What was handed out for a patient's own claim: the plain form of journey.superbill.Superbill
    and of what stood around it. Another one is a new row."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="superbills")
    made_on = models.DateField()
    content = models.JSONField()
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]


class CallAttempt(models.Model):
    """Staff tried to reach a patient who fell silent, and what came of it."""

    class Result(models.TextChoices):
        ANSWERED = "answered", "Reached, and answered"
        WILL_ANSWER = "will_answer", "Reached, will answer"
        NO_ANSWER = "no_answer", "No answer"
        WRONG_NUMBER = "wrong_number", "Wrong number"
        NO_CALLS = "no_calls", "Asked not to be called"

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="calls")
    at = models.DateTimeField(default=timezone.now)
    # Empty where only words were kept.
    result = columns.CharField(max_length=20, choices=Result.choices, blank=True, default="")
    outcome = columns.CharField(max_length=200, validators=NO_NUL)
    next_try_on = models.DateField(null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT)


class ContactChoice(models.Model):
    """A patient said whether to be written to or called; the last choice of each kind holds."""

    class Way(models.TextChoices):
        MESSAGES = "messages", "Messages"
        CALLS = "calls", "Calls"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="contact_choices")
    way = columns.CharField(max_length=10, choices=Way.choices)
    wanted = models.BooleanField()
    at = models.DateTimeField(default=timezone.now)
    # Null: the patient, by the address in a message.
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        ordering = ["id"]


class Enquiry(models.Model):
    """A question to the clinic from its public page, by anybody. What became of it are its `facts`.

    `name` and `email` are never published, and erased after a time (rules/enquiries.toml).
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    language = columns.CharField(max_length=2, choices=Patient.Language.choices)
    name = columns.CharField(max_length=100, blank=True, validators=NO_NUL)
    email = columns.EmailField(blank=True)
    question = columns.TextField(max_length=4000, validators=NO_NUL)
    may_publish = models.BooleanField(default=False)
    # The hash of the proof that the page was opened: one question for each.
    proof = columns.CharField(max_length=64, unique=True)
    # A keyed hash of the network address and the hour; empty once the hour is over.
    asked_from = columns.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]


class EnquiryFact(models.Model):
    """What happened to an enquiry, only added: answered, set aside, published, taken back by the
    clinic, or agreement withdrawn by the asker. `question` is the published wording."""

    enquiry = models.ForeignKey(Enquiry, on_delete=models.PROTECT, related_name="facts")
    fact = columns.CharField(max_length=10, choices=[(one.value, one.value) for one in Fact])
    question = columns.TextField(max_length=4000, blank=True, default="", validators=NO_NUL)
    answer = columns.TextField(max_length=4000, blank=True, default="", validators=NO_NUL)
    # Null: the asker, by the link in the answer.
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["enquiry"],
                condition=Q(fact="answered"),
                name="enquiry_answered_once",
                violation_error_message="This question was answered already.",
            )
        ]


class Message(models.Model):
    """The outbox: a reminder to a patient, an alert to the clinic, or the answer to an enquiry,
    once for its key. Neither address nor link is kept: both are looked up when it is sent."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Could not be delivered"
        UNCLEAR = "unclear", "May not have arrived"
        DROPPED = "dropped", "No longer wanted"

    # Of a reminder or an alert; an answer has its enquiry instead.
    course = models.ForeignKey(
        Course, on_delete=models.PROTECT, null=True, blank=True, related_name="messages"
    )
    enquiry = models.ForeignKey(
        Enquiry, on_delete=models.PROTECT, null=True, blank=True, related_name="messages"
    )
    # To the clinic about a warning answer: it waits for no morning and for no patient's wish.
    is_alert = models.BooleanField(default=False)
    key = columns.CharField(max_length=120, unique=True)
    ask = columns.CharField(max_length=120)
    occasion = columns.CharField(max_length=20)
    questionnaire = columns.CharField(max_length=60)
    due_on = models.DateField()
    # Made once from the key: a second sending after a crash is the same mail to every mail program.
    message_id = columns.CharField(max_length=200, unique=True)
    made_at = models.DateTimeField(default=timezone.now)
    state = columns.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    why = columns.CharField(max_length=300, blank=True)
    not_before = models.DateTimeField()
    # The lease: whoever holds it sends; after it, anybody may.
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["state", "not_before"], name="message_waiting")]
        constraints = [
            models.CheckConstraint(
                condition=Q(course=None, enquiry__isnull=False)
                | Q(course__isnull=False, enquiry=None),
                name="message_about_one",
            )
        ]

    @property
    def patient(self) -> Patient:
        """Whose course a reminder or an alert is about."""
        return cast(Course, self.course).patient

    @property
    def clinic(self) -> Clinic:
        """Which clinic sends it."""
        return self.enquiry.clinic if self.enquiry else self.patient.clinic


class Attempt(models.Model):
    """One try to hand a message over, written down before it is made and after it is known."""

    class Outcome(models.TextChoices):
        TAKEN = "taken", "Taken"
        LATER = "later", "Refused for now"
        REFUSED = "refused", "Refused for good"
        UNCLEAR = "unclear", "Broke off"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="attempts")
    way = columns.CharField(max_length=10)
    began_at = models.DateTimeField(default=timezone.now)
    # From here on it may have arrived, whatever happens to us.
    handed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = columns.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")
    detail = columns.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]


class OwnProtocol(models.Model):
    """One version of a protocol of the clinic's own: `content` is the plain form of
    knowledge.series.Protocol. Rows are only added; the last one of a key holds, or retires it."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="own_protocols")
    key = columns.CharField(max_length=30)
    number = columns.PositiveIntegerField()
    copied_from = columns.CharField(max_length=60)
    copied_version = columns.CharField(max_length=20)
    content = models.JSONField()
    retired = models.BooleanField(default=False)
    by = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "key", "number"], name="own_protocol_version_once"
            )
        ]


class PublishedResults(models.Model):
    """What a clinic has put before the public: a fact, shown for ever as it was on that day.

    `content` is the report with its pictures. The clinic's last row is the one that is shown, and
    nothing is shown once that one is withdrawn.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    day = models.DateField()
    cut = columns.CharField(max_length=64)
    content = models.JSONField()
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["id"]


class PacketRelease(models.Model):
    """A fact: a packet was made for other clinics (docs/explanation/packets.md). Appended only.

    `content` is the file. `cells` says of which courses each of its numbers is, by their registry
    pseudonyms: it never leaves, and is what the next packet is held beside.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="packets")
    day = models.DateField()
    cut = columns.CharField(max_length=64)
    sha256 = columns.CharField(max_length=64)
    threshold = columns.PositiveSmallIntegerField()
    content = columns.TextField()
    cells = models.BinaryField()
    at = models.DateTimeField(default=timezone.now)
    # Null where it was made from the command line.
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"packet {self.pk} of {self.day.isoformat()}"


class ConsentLink(SigningLink):
    """A personal address at which one plan's consent is read, signed and taken back.

    It expires unsigned; once signed it opens for ever, because consent can be withdrawn for ever.
    """

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="consent_links")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")


class Consent(models.Model):
    """A fact: the patient signed, or took it back. The last one of a course holds.

    `content` is the text as it was read (plain journey.consent.Consent, with what it was made
    from), `pdf` the paper of it.
    """

    class Fact(models.TextChoices):
        SIGNED = "signed", "Signed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="consents")
    fact = columns.CharField(max_length=10, choices=Fact.choices)
    # By the patient; null where staff wrote down what the patient said.
    link = models.ForeignKey(
        ConsentLink, on_delete=models.PROTECT, null=True, blank=True, related_name="facts"
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, blank=True)
    name = columns.CharField(max_length=200, blank=True, validators=NO_NUL)
    content = models.JSONField(default=dict, blank=True)
    pdf = models.BinaryField(default=bytes, blank=True)
    pdf_sha256 = columns.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(fact="signed") | (~Q(pdf_sha256="") & ~Q(name="")),
                name="consent_signed_whole",
            )
        ]


class AidGiven(models.Model):
    """A fact: the summary of the decision aid was handed out. `versions` are its sections by
    fingerprint, so that who was told another number can be found."""

    class How(models.TextChoices):
        PRINTED = "printed", "On paper"
        ADDRESS = "address", "By its address"

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="aids_given")
    condition = columns.CharField(max_length=60, validators=NO_NUL)
    versions = models.JSONField()
    language = columns.CharField(max_length=2, choices=Patient.Language.choices)
    how = columns.CharField(max_length=10, choices=How.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]


class ApiToken(models.Model):
    """What a program signs in with at the FHIR API. Only a hash is kept of it."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="api_tokens")
    # Of the program, as it stands in the audit trail.
    name = columns.CharField(max_length=100, validators=NO_NUL)
    token_hash = columns.CharField(max_length=64, unique=True)
    scopes = columns.CharField(max_length=2000)
    expires_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    # To the minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class Emergency(models.Model):
    """Somebody whose role does not include it opened a patient's record, to read, for a time."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="emergencies")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="emergencies")
    reason = columns.CharField(max_length=300, validators=NO_NUL)
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    # Who answers for the clinic and has taken note of it.
    seen_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]


class Chained(models.Model):
    """A row of an audit trail. `place` counts from 1 without a gap, in the order of commits."""

    content_sha256 = ContentHash()
    place = columns.BigIntegerField(null=True, unique=True, editable=False)
    digest = columns.CharField(max_length=64, default="", editable=False)

    class Meta:
        abstract = True


class AuditEvent(Chained):
    """One row for every write: who did what to which record. Appended in the same transaction."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, null=True, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    actor = columns.CharField(max_length=120)
    action = columns.CharField(max_length=60)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True, blank=True)
    record = columns.CharField(max_length=60)
    record_id = columns.BigIntegerField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]


class AccessEvent(Chained):
    """One row for each patient whose record was read: who, when, from where and on which page.

    Written before the page is shown (`access.py`): what cannot be written down is not shown.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)
    # Null: a token or a command, named by `actor`.
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    actor = columns.CharField(max_length=120)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="accesses")
    # The name of the page, of the command, or of the interaction of the API.
    what = columns.CharField(max_length=60)
    address = columns.CharField(max_length=45, blank=True, default="")
    # What opened the page where the role does not include it; its reason stands there.
    emergency = models.ForeignKey(Emergency, on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        ordering = ["id"]

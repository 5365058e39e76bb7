"""Every page that a form is sent to, and what happens when it is sent twice: one row for each.

`permissions.page` looks here: a page without a row takes no form at all (405), so that none is
forgotten. The reference shows this table, and a test sends every form twice.
"""

from dataclasses import dataclass
from enum import StrEnum


class Twice(StrEnum):
    """What keeps a double click, a retry or a second person from doing harm."""

    ONCE = "made once"
    """Something is made, paid or sent: the form's own key lets it happen once (`sending.py`)."""
    EDIT = "edited"
    """Something that stands is changed, as its user saw it: if somebody else changed it meanwhile
    nothing is saved, and the page shows both (409). By the form's key, too, it happens once."""
    SAME = "the same again"
    """Sent again it leaves what the first left, by itself; no key is needed."""
    LOOKS = "only looks"
    """Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Write:
    """One page. `why`: what is made once, by what an edit is known, or why twice is the same."""

    twice: Twice
    why: str


def _rows(twice: Twice, **why: str) -> dict[str, Write]:
    return {name: Write(twice, said) for name, said in why.items()}


_NEW_LINK = "a link, whose secret is shown in the answer only"
_ENTRY = "an entry of the ledger"
_PROOF = "a question, once for the proof that its page was opened with"
_CHOOSING = "a patient tries the decision aid"

WRITES: dict[str, Write] = {
    **_rows(
        Twice.ONCE,
        add_patient="a patient; the same name and birth date is asked about",
        add_weight="a weight",
        add_course="a course; one is open for a condition and side",
        book_appointment="an appointment",
        book_series="all appointments of a series, or none",
        add_adverse_event="an adverse event",
        ask=f"{_NEW_LINK}; or a letter",
        add_answers="a set of answers",
        add_call="a call",
        record_call="a call",
        add_typed_score="a score",
        after_visit=_NEW_LINK,
        statement_link=_NEW_LINK,
        consent=f"{_NEW_LINK}; or the withdrawal of a consent",
        give_aid="that the decision aid was given",
        decide="a decision, of the course as it was seen",
        start_session="a draft; the one that is open, where there is one",
        session_cautions="why a caution was set aside",
        session_images="a picture",
        amend_session="an addition to a signed session",
        make_invoice="the one invoice of a session",
        pay=_ENTRY,
        deposit=_ENTRY,
        sell_series=_ENTRY,
        instalments="an arrangement",
        deposit_back=_ENTRY,
        unused_back=_ENTRY,
        take_back=_ENTRY,
        credit=_ENTRY,
        refund=_ENTRY,
        use_deposit=_ENTRY,
        card_problem="how a problem with a card was settled",
        close_day="the close of a day, of which there is one",
        estimate="a version of an estimate; or a link to it",
        superbill="a superbill; the same content on one day is the same one",
        prices="a price from a day on",
        ceilings="a ceiling from today on",
        add_stock_product="a product, of which there is one for each strength",
        receive_stock="a delivery",
        put_back_stock="vials that come back, at most those that were taken",
        recall_lot="a recall, or its end",
        enquiry="the one answer to a question; or that it is set aside",
        publish_enquiry="the wording that is shown from now on; the earlier ones are kept",
        copy_protocol="a protocol of the clinic's own",
        add_user="somebody who may sign in",
        api_tokens="a token, whose secret is shown in the answer only",
        calendar_feed="a calendar's address, shown in the answer only",
        recovery_codes="ten codes, shown in the answer only; the ones before end",
        publish_outcomes="what is shown to everybody, as it was seen",
        packets="a packet, as it was seen",
    ),
    **_rows(
        Twice.EDIT,
        edit_patient="the version of the patient",
        erase_patient="the version of the patient",
        move_appointment="the version of the appointment",
        cancel_appointment="the version of the appointment",
        miss_appointment="the version of the appointment",
        move_series="the version of each appointment",
        cancel_series="the version of each appointment",
        adverse_event="the version of the event, which each addition moves on",
        close_course="the version of the course",
        evaluate="the evaluation that was the last; a file that is attached is made once",
        plan="number and version of the plan",
        agree_plan="number and version of the plan",
        change_protocol="the number of its last version",
        session="the version of the draft",
        discard_session="the version of the draft",
        time_out="a fingerprint of what was read out",
        stock_product="the version of the product",
        stock_lot="the version of the lot, for its expiry; what is counted or wasted is made once",
        settings="the version of the clinic",
        rooms="the version of the clinic; a room is made once, by its name",
        change_user="the version of the user",
    ),
    **_rows(
        Twice.SAME,
        answer="a set that is whole never changes; before that, a later answer takes the place",
        answer_in="as without a language",
        stop="wanted or not, as said last",
        sign_consent="a link is signed once, and withdrawn once",
        sign_consent_in="as without a language",
        read_estimate="an estimate is received once",
        read_estimate_in="as without a language",
        ask_clinic=_PROOF,
        ask_clinic_in=_PROOF,
        asked="an agreement that was taken back stays so",
        pay_by_card="the gateway is given a key for each attempt to pay an invoice",
        card_message="the gateway's name of the payment is its key in the ledger",
        fhir="a resource is known again by its identifier; a transaction is all or nothing",
        fhir_base="as below it",
        fhir_root="as below it",
        answers="who read them first stays",
        revoke_token="a token that was taken back stays so",  # noqa: S106 (the name of a page)
        revoke_calendar_feed="an address that was taken back stays so",
        remove_image="what was removed stays so",
        remove_course_file="what was removed stays so",
        use_room="in use or not, as the button says",
        give_user_password="the password is the one that was typed",  # noqa: S106 (the name of a page)
        reset_user_factors="there is nothing left to reset",
        withdraw_outcomes="nothing is shown, as after the first",
        settings_take_out="a file of this moment, and a row in the trail that it was taken",
        import_sheet="each patient is known again by the key of its row",
        second_step="a code counts once",
        sign_in="one is signed in",
        sign_out="one is signed out",
        passkey_sign_in="a challenge is answered once",
        add_app="a code counts once",
        add_passkey="a passkey is known by its number",
        remove_factor="what was removed stays so",
        change_own_password="the old password is not good a second time",  # noqa: S106 (the name of a page)
        sign_out_everywhere="all sessions have ended",
    ),
    **_rows(
        Twice.LOOKS,
        begin_passkey="a challenge for this session",
        begin_passkey_sign_in="a challenge for this session",
        card_paid="the other language",
        card_not_paid="the other language",
        right_for_me=_CHOOSING,
        right_for_me_in=_CHOOSING,
        choose_values=_CHOOSING,
        choose_values_in=_CHOOSING,
        choose_know=_CHOOSING,
        choose_know_in=_CHOOSING,
        choose_sheet=_CHOOSING,
        choose_sheet_in=_CHOOSING,
    ),
}

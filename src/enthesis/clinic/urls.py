"""Every address, by stage. Each row of a stage's `urlpatterns` also says who may open it."""

from django.urls import include, path

from enthesis.clinic.api import views as fhir
from enthesis.clinic.pages import (
    access,
    adverse,
    answer,
    api_tokens,
    appointments,
    ask,
    ask_clinic,
    calendar,
    calendar_feed,
    calls,
    card,
    cautions,
    choose,
    consent,
    course,
    course_files,
    day_close,
    emergency,
    enquiries,
    erase,
    estimate,
    evaluate,
    evidence,
    export,
    forecast,
    give_aid,
    health,
    images,
    imports,
    labels,
    ledger,
    outcomes,
    own_sign_in,
    packets,
    passkey,
    patients,
    pay,
    plan,
    prices,
    protocols,
    recall,
    record,
    referral,
    research,
    results,
    right_for_me,
    rooms,
    series,
    settings,
    sign_in,
    statement,
    stock,
    stop,
    superbill,
    time_out,
    today,
    trails,
    treat,
    typed_scores,
    visit,
    weigh,
)

STAGES = (
    # First what patients open most. Before `answer`, which takes whatever else begins as a
    # personal link, what is paid by one.
    *(card, answer),
    *(sign_in, own_sign_in, passkey),
    *(today, patients, access, record, erase, emergency, trails),
    *(evaluate, plan, protocols, consent, treat, time_out),
    *(cautions, labels, images, course_files, referral),
    *(choose, right_for_me, weigh, give_aid, ask_clinic, enquiries),
    *(course, adverse, visit, forecast, ask),
    *(stop, calls, typed_scores, research, outcomes, packets, results),
    *(evidence, pay, ledger, day_close, statement, estimate, superbill),
    *(stock, recall, settings, export, imports, prices, api_tokens),
    *(appointments, series, calendar, calendar_feed, rooms, health),
    fhir,
)
urlpatterns = [path("", include(stage)) for stage in STAGES]

handler400 = "enthesis.clinic.errors.wrong_request"
handler403 = "enthesis.clinic.errors.forbidden"
handler404 = "enthesis.clinic.errors.not_found"
handler500 = "enthesis.clinic.errors.failed"

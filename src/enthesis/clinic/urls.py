"""Every address, by stage. Each row of a stage's `urlpatterns` also says who may open it."""

from django.urls import include, path

from enthesis.clinic.pages import (
    adverse,
    answer,
    appointments,
    ask,
    calendar,
    calls,
    cautions,
    choose,
    consent,
    course,
    course_files,
    day_close,
    estimate,
    evaluate,
    evidence,
    forecast,
    give_aid,
    images,
    labels,
    ledger,
    outcomes,
    patients,
    pay,
    plan,
    prices,
    protocols,
    recall,
    referral,
    results,
    rooms,
    series,
    settings,
    sign_in,
    stock,
    stop,
    superbill,
    time_out,
    today,
    treat,
    typed_scores,
    visit,
)

STAGES = (
    *(sign_in, today, patients, evaluate, plan, protocols, consent, treat, time_out),
    *(cautions, labels, images, course_files, referral),
    *(choose, give_aid),
    *(course, adverse, visit, forecast, ask, answer, stop, calls, typed_scores, outcomes, results),
    *(evidence, pay, ledger, day_close, estimate, superbill),
    *(stock, recall, settings, prices),
    *(appointments, series, calendar, rooms),
)
urlpatterns = [path("", include(stage)) for stage in STAGES]

handler400 = "enthesis.clinic.errors.wrong_request"
handler403 = "enthesis.clinic.errors.forbidden"
handler404 = "enthesis.clinic.errors.not_found"
handler500 = "enthesis.clinic.errors.failed"

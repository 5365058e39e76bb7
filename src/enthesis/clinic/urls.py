"""Every address, by stage. Each row of a stage's `urlpatterns` also says who may open it."""

from django.urls import include, path

from enthesis.clinic.pages import (
    answer,
    ask,
    calls,
    cautions,
    course,
    evaluate,
    evidence,
    forecast,
    labels,
    outcomes,
    patients,
    pay,
    plan,
    results,
    settings,
    sign_in,
    stop,
    today,
    treat,
    typed_scores,
    visit,
)

STAGES = (
    *(cautions, labels),
    *(sign_in, today, patients, evaluate, plan, treat),
    *(course, visit, forecast, ask, answer, stop, calls, typed_scores, outcomes, results),
    *(evidence, pay, settings),
)
urlpatterns = [path("", include(stage)) for stage in STAGES]

handler400 = "enthesis.clinic.errors.wrong_request"
handler403 = "enthesis.clinic.errors.forbidden"
handler404 = "enthesis.clinic.errors.not_found"
handler500 = "enthesis.clinic.errors.failed"

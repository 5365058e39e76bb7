"""The server's time for a patient's answers: python -m docs.time_questionnaires [--walks N].

Invents a clinic in a directory of its own, serves it as a clinic does, and answers real links over
HTTP as the median patient would; prints the table of docs/reference/questionnaire-times.md.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from docs import questionnaires
from docs.make_reference import table

PORT = 8417
PATIENTS = 60


def main() -> int:
    """Walk every occasion; print medians, and the whole time with the model's seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=10, help="links per occasion (default 10)")
    walks = parser.parse_args().walks
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "ENTHESIS_DATA": folder,
            "DJANGO_SETTINGS_MODULE": "enthesis.clinic.settings",
        }
        command = [sys.executable, "-m", "enthesis.cli", "start", "--port", str(PORT)]
        command += ["--patients", str(PATIENTS)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            for line in server.stdout or ():
                if "answers at" in line:
                    break
            sys.stdout.write(_measured(walks) + "\n")
        finally:
            server.terminate()
            server.wait()
    return 0


def _measured(walks: int) -> str:
    import django

    django.setup()
    from enthesis.clinic import store
    from enthesis.clinic.actions.answer import make_link
    from enthesis.clinic.models import Course, User
    from enthesis.records import Occasion

    course = Course.objects.filter(condition="low_back", closed_on=None).first()
    user = User.objects.filter(role="clinician").first()
    assert course and user  # noqa: S101 (the invented clinic has both)
    today = store.today(course.patient.clinic)
    known, rows = store.known_for(course.patient.clinic, today), []
    for occasion in Occasion:
        times: list[float] = []
        for _ in range(walks):
            _, token = make_link(user, course.pk, occasion.value, today)
            times += _walk(token, known)
        met = questionnaires.walk(known, occasion, "low_back", "es")
        median, slow = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        rows.append(
            (
                *(occasion.replace("_", " "), met.screens, f"{median * 1000:.0f}"),
                *(f"{slow * 1000:.0f}", f"{met.seconds:.0f}"),
                f"{met.seconds + met.screens * median:.0f}",
            )
        )
    head = ["occasion", "screens", "median ms", "95 % ms", "person s", "person and server s"]
    return table(head, rows)


def _walk(token: str, known: object) -> list[float]:
    """Seconds of each round: sending a screen and getting the next one."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    address = f"http://localhost:{PORT}/a/{token}/es/"
    questions = known.questions(questionnaires.ASKED)  # type: ignore[attr-defined]
    page, times = opener.open(address).read().decode(), list[float]()
    while 'name="screen"' in page:  # the last page, too, has a form: that of its language
        fields = [("csrfmiddlewaretoken", _value(page, "csrfmiddlewaretoken"))]
        fields.append(("screen", _value(page, "screen")))
        for id in dict.fromkeys(re.findall(r'name="([a-z]\w+)"', page)):
            if id in questions:
                given = questionnaires.answer(questions[id], "es")
                many = given if isinstance(given, tuple) else (given or "",)
                fields += [(id, str(one)) for one in many]
        started = time.perf_counter()
        sent = urllib.parse.urlencode(fields).encode()
        page = opener.open(address, sent).read().decode()
        times.append(time.perf_counter() - started)
    return times


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found  # noqa: S101 (every form has it)
    return found[1]


if __name__ == "__main__":
    sys.exit(main())

"""Does a sender that is killed lose a reminder, or send one thrice?

    python benchmarks/proofs/outbox_kills.py [--kills 200] [--seed 7]

Writes docs/reference/outbox-kills.md. A clinic in a new SQLite database; a mail server and a
text-message gateway on this machine; children that send and are killed with -9: every second
between handing a message over and writing its end down, the others while they queue and send; by
turns at a random line of the sender's code and at a random moment.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "outbox-kills.md"
REMINDERS = 400


def main() -> int:
    """Kill, count, and write the page; 1 if a reminder was lost or came more than twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as data:
        os.environ["ENTHESIS_DATA"] = data
        os.environ["DJANGO_SETTINGS_MODULE"] = "enthesis.clinic.settings"
        import django

        django.setup()
        return _prove(args.kills, args.seed)


def _prove(kills: int, seed: int) -> int:
    from django.conf import settings
    from django.core.management import call_command
    from tests.kills import kill_many
    from tests.stand_in import mail_server, sms_gateway

    call_command("migrate", verbosity=0)
    _fill()
    began = time.perf_counter()
    with mail_server() as server, sms_gateway() as (gateway, posted):
        settings.SMTP, settings.PUBLIC_ADDRESS = server.url, "https://clinic.example"
        settings.SMS = gateway
        toll = kill_many(kills, seed, server, posted)
    seconds = time.perf_counter() - began
    rows = [
        ("children killed with -9", toll.killed),
        (
            "of them in the midst of a message, before handing it over",
            toll.killed_before_handing,
        ),
        ("of them after that, before the end was written down", toll.killed_after_handing),
        ("of these, text messages", toll.sms_after_handing),
        ("of these, arrived all the same", toll.arrived_after_handing),
        ("reminders, every second a text message", toll.reminders),
        *((f"arrived {_times(times)}", count) for times, count in toll.arrived.items()),
        ("reminders with a second Message-ID", toll.second_message_ids),
        ("broke off twice, so on the call list", toll.unclear),
        ("lost", toll.lost),
    ]
    PAGE.write_text(
        "# Killing the sender\n\nWritten by `benchmarks/proofs/outbox_kills.py "
        f"--kills {kills} --seed {seed}`; do not edit.\n\nWhy it comes out so: "
        "[nothing is lost](../explanation/outbox.md).\n\n| | |\n|---|---:|\n"
        + "".join(f"| {words} | {count} |\n" for words, count in rows)
        + f"\n{seconds:.0f} seconds, on a machine that others used too.\n",
        encoding="utf-8",
    )
    sys.stdout.write(PAGE.read_text(encoding="utf-8"))
    is_broken = toll.lost or toll.second_message_ids or not set(toll.arrived) <= {0, 1, 2}
    return int(bool(is_broken))


def _times(times: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(times, f"{times} times")


def _fill() -> None:
    from tests.clinic_fixtures import session_days_ago, writing_clinic

    from enthesis.clinic.models import Course, Patient

    clinic = writing_clinic()
    for number in range(REMINDERS):
        patient = Patient.objects.create(
            clinic=clinic,
            number=number,
            family="F",
            given="G",
            email="" if number % 2 else f"p{number}@example.org",
            phone=f"+1555{number:07}",
        )
        course = Course.objects.create(
            patient=patient, condition="low_back", side="left", opened_on="2026-01-01"
        )
        session_days_ago(course, 2)


if __name__ == "__main__":
    sys.exit(main())

"""How long a refused sign-in takes for a name that exists and for one that does not:

    python -m docs.time_sign_in [--rounds 100]

By turns, each from an address of its own so that no lockout counts, with passwords kept as they
are in a clinic. Writes docs/reference/sign-in-times.md; a difference above a tenth ends with 1.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time

from docs.make_reference import REFERENCE

MOST_APART = 0.1
PAGE = """# Signing in with a wrong password, measured

Made by `python -m docs.time_sign_in`; do not edit. The time must not tell which names exist:
medians of {rounds} rounds each, by turns, on one machine at work; processor time counts the
threads of Argon2id.

| name | median on the clock, ms | median of the processor, ms |
| --- | --- | --- |
| exists | {known[0]:.0f} | {known[1]:.0f} |
| does not | {unknown[0]:.0f} | {unknown[1]:.0f} |

Apart: {clock:.1f} % on the clock, {processor:.1f} % of the processor (allowed: 10 %, SECURITY line
23). That both cost exactly one hash is tested at each run of the tests.
"""
Times = list[tuple[float, float]]


def main() -> int:
    """Measure and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ENTHESIS_DATA"] = folder
        known, unknown = (_medians(times) for times in _measured(rounds))
    clock, processor = (abs(a - b) / max(a, b) for a, b in zip(known, unknown, strict=True))
    told = PAGE.format(rounds=rounds, known=known, unknown=unknown,
                       clock=100 * clock, processor=100 * processor)  # fmt: skip
    (REFERENCE / "sign-in-times.md").write_text(told, encoding="utf-8")
    sys.stdout.write(told)
    return int(processor > MOST_APART)


def _medians(times: Times) -> tuple[float, float]:
    clock, processor = zip(*times, strict=True)
    return 1000 * statistics.median(clock), 1000 * statistics.median(processor)


def _measured(rounds: int) -> tuple[Times, Times]:
    from enthesis.clinic import server

    server.prepare()
    from django.core.management import call_command
    from django.test import Client

    from enthesis.clinic.models import Clinic, Role, User

    call_command("migrate", verbosity=0)
    clinic = Clinic.objects.create(name="Hill Clinic", phone="1")
    user = User(clinic=clinic, username="ines", role=Role.CLINICIAN)
    user.set_password("a quiet harbour at noon")
    user.save()
    found: tuple[Times, Times] = [], []
    for n in range(-3, rounds):  # the first warm up
        for times, name in zip(found, ("ines", "nobody"), strict=True):
            began = time.perf_counter(), time.process_time()
            told = {"username": name, "password": "wrong"}
            response = Client().post(
                "/sign-in/", told, headers={"Host": "localhost"},
                REMOTE_ADDR=f"10.0.{(n + 3) // 250}.{(n + 3) % 250}",
            )  # fmt: skip
            took = time.perf_counter() - began[0], time.process_time() - began[1]
            if response.status_code != 422:
                raise RuntimeError("The wrong password was not refused as such.")
            if n >= 0:
                times.append(took)
    return found


if __name__ == "__main__":
    sys.exit(main())

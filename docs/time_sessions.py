"""How long it takes to record an unchanged session.

    python -m docs.time_sessions [--walks N] [--gnuhealth]

Walks the third session of a low-back series, twelve sites, in a real browser of a tablet's size
(tests/browser/test_session_recorded.py), and writes docs/reference/session-times.md; with
--gnuhealth the same in GNU Health beside it (benchmarks/gnuhealth_session.py, needs npm).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from docs.make_reference import REFERENCE, table
from docs.questionnaires import SECONDS_TO_TAP

TEST = "tests/browser/test_session_recorded.py"
NAME = "test_the_third_session_of_a_series_takes_twelve_interactions_at_most"
SECONDS_TO_ASK = 2.5
"""To say one check aloud and hear the answer."""
CHECKS = 8
SECONDS_TO_READ_OUT = 1.2
"""To read one line of the time-out aloud."""
LINES = 17


def main() -> int:
    """Walk, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=3, help="sessions to record (default 3)")
    parser.add_argument("--gnuhealth", action="store_true", help="also walk in GNU Health")
    asked = parser.parse_args()
    walks = asked.walks
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "times"
        command = [sys.executable, "-m", "pytest", "-q", TEST, "-k", NAME]
        for _ in range(walks):
            environment = os.environ | {"ENTHESIS_TIMES": str(told)}
            subprocess.run(command, env=environment, check=True)  # noqa: S603
        rows = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    beside = _gnuhealth(int(rows[0]["taps"])) if asked.gnuhealth else NOT_BESIDE
    page = _page(rows, datetime.now(UTC).date().isoformat(), walks, beside)
    (REFERENCE / "session-times.md").write_text(page, encoding="utf-8")
    return 0


NOT_BESIDE = "The same record was not made in another program for comparison.\n"


def _gnuhealth(ours: int) -> str:
    """The same twelve sites in GNU Health's ambulatory care form, and the ratio."""
    command = [sys.executable, "benchmarks/gnuhealth_session.py"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    theirs = json.loads(done.stdout.splitlines()[-1])
    copied = (
        f"Its *Duplicate* makes a copy with {theirs['copy_touches']} touches, which is born "
        "*Done* and signed, so that nothing of today can be entered.\n"
        if theirs["copy_is_signed"]
        else f"Its *Duplicate* makes a copy with {theirs['copy_touches']} touches.\n"
    )
    return (
        "## Beside GNU Health 5.0\n\n"
        f"Twelve sites in its ambulatory care form, web client: **{theirs['touches']} "
        f"interactions** beside our {ours}, which begin from plan and last session: "
        f"{theirs['touches'] / ours:.1f} times as many, and {theirs['seconds']:.0f} s of waiting "
        "for page and server in one walk. Counted in its favour: no "
        "checks, time-out, dose, lot or complication are asked there; side, volume, depth, "
        "guidance and pain are a free comment at each site, pasted by the script and counted as "
        f"one. {copied}"
    )


def _page(rows: list[dict[str, float]], day: str, walks: int, beside: str) -> str:
    taps = int(rows[0]["taps"])
    seconds = statistics.median(row["seconds"] for row in rows)
    tapping, asking = taps * SECONDS_TO_TAP, CHECKS * SECONDS_TO_ASK
    reading = LINES * SECONDS_TO_READ_OUT
    lines = [
        ("the page and the server, measured", f"{seconds:.1f}"),
        (f"{taps} touches of {SECONDS_TO_TAP} s", f"{tapping:.1f}"),
        ("**recording: touches and server**", f"**{seconds + tapping:.0f}**"),
        (f"{CHECKS} checks spoken, {SECONDS_TO_ASK} s each", f"{asking:.0f}"),
        (
            f"{LINES} lines of the time-out read aloud, {SECONDS_TO_READ_OUT} s each",
            f"{reading:.0f}",
        ),
    ]
    return (
        "# Times of recording a session, measured\n\n"
        f"The third session of a low-back series, unchanged, {int(rows[0]['sites'])} sites, on a "
        f"tablet of 1024 × 768: **{taps} interactions** from the open draft to the signature "
        "(3 groups of checks, time-out, the second person, tick all, 3 lots, no complication seen, "
        "sign). Pain before and after is asked with two more.\n\n"
        f"{table(['what', 'seconds'], lines)}\n"
        f"\nThe first line is {_walked(walks)} on {day}: the browser touches "
        "at once, so it is the waiting alone. The seconds of a touch, of a check and of a line "
        "read aloud are a model and UNSOURCED; nobody with gloves on has been timed. Checks and "
        "time-out are spoken with or without a computer, so they stand apart from the recording."
        f"\n\n{beside}"
        "\nWritten by `python -m docs.time_sessions`.\n"
    )


def _walked(walks: int) -> str:
    return "one scripted walk" if walks == 1 else f"the median of {walks} scripted walks"


if __name__ == "__main__":
    sys.exit(main())

"""`enthesis send`: the reminders that wait in the outbox."""

import argparse
import sys


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "send",
        help="send the reminders that are due",
        description="Queue what patients are to be asked and send what waits. `serve` and `start` "
        "do so by themselves; this is for a timer, or to see it done. Killed at any moment it "
        "loses nothing. See docs/how-to/send-reminders.md.",
    )
    parser.add_argument("--forever", action="store_true", help="go on, every five minutes")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """One pass, or pass after pass; 1 if a clinic wants reminders and nothing can be sent."""
    from enthesis.clinic import server

    server.prepare_to_write()
    from enthesis.clinic import sender
    from enthesis.clinic.models import Clinic

    if args.forever:
        sender.forever()
    print(f"{sender.run_pass()} sent.")
    wanting = Clinic.objects.filter(reminders_on=True)
    if not wanting:
        print("No clinic has reminders switched on: Settings, Reminders.")
    problems = [(clinic, why) for clinic in wanting if (why := sender.why_waiting(clinic))]
    for clinic, why in problems:
        print(f"{clinic}: reminders cannot be sent. {why}", file=sys.stderr)
    return 1 if problems else 0

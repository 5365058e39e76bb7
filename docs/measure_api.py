"""Schemathesis over the whole FHIR API, once as each kind of token:

    python -m docs.measure_api SCHEMATHESIS [--examples 40] [--edges NAME ...] [--token NAME ...]

SCHEMATHESIS is its command in an environment of its own (`python -m venv there`, then
`there/bin/pip install schemathesis`): it brings twenty packages, too many for our lock. An invented
clinic is made in a folder that is thrown away, served by two workers, and asked. What was found
stands in docs/reference/api-fuzz.md; anything but no failure ends with 1.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parent / "reference/api-fuzz.md"
TOKENS = {
    "reads": "user/*.rs",
    "writes": "user/*.cruds",
    "exports": "user/*.rs system/*.rs",
    "patients only": "user/Patient.rs user/Condition.rs",
    "sends answers": "user/QuestionnaireResponse.c user/Questionnaire.rs",
    "no token": "",
}
# Not `ignored_auth`: after twenty wrong tokens the answer is 429, which it takes for a fault
# (tests/clinic/test_fhir_access.py asks every address without a good token). Not those that ask
# that all is taken which the description allows, and nothing else: an id may fit and not exist.
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "response_headers_conformance", "unsupported_method"),
    *("allow_header_conformance", "missing_required_header"),
)
HEAD = """# The FHIR API, asked at random

Made by `python -m docs.measure_api`; do not edit. [Schemathesis](https://schemathesis.io) {version}
read [what the API says of itself](openapi.json) and asked a clinic of 20 invented patients, served
by two workers, {count:,} times: as each kind of token, with parameters and bodies that fit the
description and such that do not. Checked: {checks}. Failures: {failures}.

| token | scopes | requests | answers by status | failures |
| --- | --- | --- | --- | --- |
"""


def main() -> int:
    """Ask as each kind of token and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("schemathesis")
    parser.add_argument("--examples", type=int, default=40, help="for each address (default 40)")
    parser.add_argument(
        "--edges", nargs="*", choices=TOKENS, default=["reads", "writes"],
        help="with which tokens every edge of every parameter is asked as well",
    )  # fmt: skip
    parser.add_argument("--token", nargs="*", choices=TOKENS, default=list(TOKENS))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = _measured(args, Path(folder))
    failures = sum(row[2] for row in found)
    version = subprocess.run(  # noqa: S603
        [args.schemathesis, "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    text = HEAD.format(
        version=version,
        count=sum(row[1].total() for row in found),
        checks=", ".join(CHECKS).replace("_", " "),
        failures=failures,
    )
    for name, statuses, failed in found:
        told = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
        text += f"| {name} | {TOKENS[name]} | {statuses.total():,} | {told} | {failed} |\n"
    sys.stdout.write(text)
    if args.token == list(TOKENS):
        PAGE.write_text(text, encoding="utf-8")
    return 1 if failures else 0


def _measured(args: argparse.Namespace, folder: Path) -> list[tuple[str, Counter[int], int]]:
    os.environ["ENTHESIS_DATA"] = str(folder)
    invent = [*OURS, "demo", "--patients", "20"]
    subprocess.run(invent, check=True, capture_output=True)  # noqa: S603
    secrets = _tokens([name for name in args.token if TOKENS[name]])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "server.log").open("w")
    serve = [*OURS, "serve", "--port", str(port), "--workers", "2"]
    served = subprocess.Popen(serve, stdout=log, stderr=log)  # noqa: S603
    address = f"http://localhost:{port}/fhir/openapi.json"
    try:
        _wait(address)
        return [
            (name, *_asked(args, address, name, secrets.get(name, ""), folder))
            for name in args.token
        ]
    finally:
        served.terminate()
        served.wait(30)
        faults = [line for line in (folder / "server.log").open() if "ERROR" in line]
        sys.stdout.write("".join(faults))


OURS = (sys.executable, "-m", "enthesis.cli")


def _tokens(names: list[str]) -> dict[str, str]:
    from enthesis.clinic import server

    server.load()
    from enthesis.clinic.actions.api_tokens import make_token
    from enthesis.clinic.models import Role, User

    admin = User.objects.filter(role=Role.ADMINISTRATOR)[0]
    return {name: make_token(admin, name, TOKENS[name], 1)[1] for name in names}


def _wait(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address)  # noqa: S310 (our own)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The server does not answer.")


def _asked(
    args: argparse.Namespace, address: str, name: str, secret: str, folder: Path
) -> tuple[Counter[int], int]:
    report = folder / "report.ndjson"
    ran = subprocess.run(  # noqa: S603
        [
            *(args.schemathesis, "run", address, "--wait-for-schema", "99"),
            *("--checks", ",".join(CHECKS)),
            *("-n", str(args.examples), "--seed", "7", "--generation-database", "none"),
            *("--phases", "coverage,fuzzing" if name in args.edges else "fuzzing"),
            *("--report", "ndjson", "--report-ndjson-path", str(report), "--warnings", "off"),
            *(("-H", f"Authorization: Bearer {secret}") if secret else ()),
            *("--continue-on-failure", "--no-color", "--suppress-health-check", "all"),
            *("--request-timeout", "60"),
        ],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    sys.stdout.write(ran.stdout[-6000:] + ran.stderr[-2000:])
    statuses: Counter[int] = Counter()
    with report.open() as lines:
        for line in lines:
            statuses.update(map(int, re.findall(r'"status_code": ?(\d+)', line)))
    report.unlink()
    failed = re.search(r"(\d+) (?:unique )?failures?", ran.stdout)
    return statuses, int(failed[1]) if failed else int(ran.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())

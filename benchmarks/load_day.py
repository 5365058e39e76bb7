"""A day of a clinic of 20 clinicians, replayed against the real server: no error may come.

    python benchmarks/load_day.py [--database postgresql] [--minutes 10] [--clinicians 20]

The rates are assumptions, not counted in a clinic (UNSOURCED): eight hours; each clinician sees a
patient every half hour (16 a day) and signs in twice, because the lunch is longer than the idle
time; before each visit Today, the patient and the course are opened; a session is begun, saved by
itself three times and saved as a draft. Signing needs a second person and lots from the shelf and
is not replayed. One front desk to four clinicians: for each visit a booking, for every second a
payment of an open bill, four calls an hour. As many patients as come answer a whole questionnaire
by their link. Everything comes at a random moment of the day; 8 h in 10 min is 48 times as fast.
"""

import argparse
import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from load import Processors, Times, say, tell_complaints
from load_client import ASKED, Answer, Browser, filled, path_of
from load_forms import form_with
from load_server import Server, serving

VISITS_EACH, SIGN_INS_EACH, CALLS_EACH_DESK, CLINICIANS_A_DESK = 16, 2, 32, 4
PATIENTS = 800
PAY = re.compile(rb'href="/invoices/(\d+)/"')
CALL = re.compile(rb'href="/calls/(\d+)/"')


class Day:
    """The clinic at work: browsers of staff, what came back by kind, and what was not done."""

    def __init__(self, server: Server) -> None:
        self.server, self.rng = server, random.Random(1)  # noqa: S311
        self.times: dict[str, Times] = {}
        self.done: Counter[str] = Counter()
        self.staff: dict[str, tuple[Browser, asyncio.Lock]] = {}
        self.courses = list(server.filled["courses"])
        self.rng.shuffle(self.courses)
        self.tokens = iter(server.filled["tokens"])

    def keep(self, kind: str, answer: Answer, wanted: int = 200) -> Answer:
        """Count an answer under its kind."""
        self.times.setdefault(kind, Times()).add(answer, wanted)
        return answer

    async def sign_in(self, name: str) -> None:
        """A person sits down, or comes back from lunch."""
        browser, lock = self.staff.setdefault(
            name, (Browser(self.server.port, len(self.staff)), asyncio.Lock())
        )
        async with lock:
            browser.cookies.clear()
            began = time.perf_counter()
            await browser.sign_in(name, self.server.filled["password"])
            self.keep("sign in", Answer(200, "", b"", time.perf_counter() - began))
            self.done["sign-ins"] += 1

    async def visit(self, name: str) -> None:
        """A patient comes: looked up, and the session is written down."""
        browser, lock = self.staff[name]
        course, patient = self.courses.pop()
        self.courses.insert(0, (course, patient))
        async with lock:
            self.keep("Today", await browser.get("/"))
            self.keep("a patient", await browser.get(f"/patients/{patient}/"))
            page = self.keep("a course", await browser.get(f"/courses/{course}/"))
            self.done["visits"] += 1
            try:
                _, fields = form_with(page.body, "csrfmiddlewaretoken", {})
            except LookupError:
                return
            begun = await browser.post(f"/courses/{course}/sessions/start/", fields)
            begun = self.keep("session begun", begun, 302)
            draft = path_of(begun.location)
            if not draft.startswith("/sessions/"):
                return  # refused with a reason: a stop, or no agreement
            for _ in range(3):
                page = self.keep("session opened", await browser.get(draft))
                fields = form_with(page.body, "version", {})[1]
                self.keep("session autosaved", await browser.post(f"{draft}?draft", fields))
            page = self.keep("session opened", await browser.get(draft))
            fields = form_with(page.body, "version", {"do": "save"})[1]
            self.keep("session saved", await browser.post(draft, fields), 302)
            self.done["sessions"] += 1

    def sent(self, what: str, answer: Answer, done: str, refused: str) -> None:
        """A form's answer; 422, refused with a reason, is no error."""
        self.keep(f"{what} sent", answer, 422 if answer.status == 422 else 302)
        self.done[done if answer.status == 302 else refused] += 1

    async def book(self, name: str) -> None:
        """The next appointment, at a moment at which nobody else is likely to be booked."""
        browser, lock = self.staff[name]
        path = f"/courses/{self.rng.choice(self.courses)[0]}/appointments/add/"
        on = date.today() + timedelta(days=self.rng.randint(20, 300))  # noqa: DTZ011
        at = f"{self.rng.randint(8, 17):02}:{self.rng.choice((0, 15, 30, 45)):02}"
        async with lock:
            page = self.keep("booking opened", await browser.get(path))
            fields = form_with(page.body, "minutes", {"on": str(on), "at": at})[1]
            # 422: that clinician or patient is taken then, or it is a closed hour.
            answer = await browser.post(path, fields)
            self.sent("booking", answer, "bookings", "bookings refused as taken")

    async def pay(self, name: str) -> None:
        """The whole of an open bill."""
        browser, lock = self.staff[name]
        async with lock:
            page = self.keep("money", await browser.get("/money/"))
            found = PAY.findall(page.body)
            if not found:
                return
            path = f"/invoices/{self.rng.choice(found).decode()}/"
            page = self.keep("invoice opened", await browser.get(path))
            if b'name="amount"' not in page.body:
                return  # paid meanwhile
            fields = form_with(page.body, "amount", {"method": "cash"})[1]
            answer = await browser.post(f"{path}pay/", fields)
            self.sent("payment", answer, "payments", "payments refused")

    async def call(self, name: str) -> None:
        """Somebody who has not answered."""
        browser, lock = self.staff[name]
        async with lock:
            page = self.keep("call list", await browser.get("/calls/"))
            found = CALL.findall(page.body)
            if not found:
                return
            path = f"/calls/{self.rng.choice(found).decode()}/"
            page = self.keep("call opened", await browser.get(path))
            fields = form_with(page.body, "outcome", {"result": "no_answer"})[1]
            answer = await browser.post(path, fields)
            self.sent("call", answer, "calls", "calls refused")

    async def answer(self, number: int) -> None:
        """A patient goes through the whole questionnaire."""
        browser, path = Browser(self.server.port, 1000 + number), f"/a/{next(self.tokens)}/"
        page = self.keep("question", await browser.get(path))
        while ASKED in page.body:
            sent = self.keep("answer", await browser.post(path, filled(page, self.rng)), 302)
            page = self.keep("question", await browser.get(path_of(sent.location) or path))
        self.done["questionnaires"] += 1


async def replay(server: Server, minutes: float, clinicians: int) -> None:
    """Everything at its moment; then what came of it."""
    day, rng = Day(server), random.Random(2)  # noqa: S311
    names = server.filled["clinicians"]
    doctors, desks = names[:clinicians], names[clinicians:]
    plan: list[tuple[float, Callable[[], Awaitable[None]]]] = []

    def at(low: float, high: float, do: Callable[..., Awaitable[None]], *given: object) -> None:
        plan.append((rng.uniform(low, high), lambda: do(*given)))

    for name in names:
        at(0, 0.01, day.sign_in, name)
        at(0.5, 0.51, day.sign_in, name)
    visits = [name for name in doctors for _ in range(VISITS_EACH)]
    for number, name in enumerate(visits):
        at(0.02, 0.98, day.visit, name)
        at(0.02, 0.98, day.book, rng.choice(desks))
        at(0, 0.95, day.answer, number)
        if number % 2:
            at(0.02, 0.98, day.pay, rng.choice(desks))
    for name in desks:
        for _ in range(CALLS_EACH_DESK):
            at(0.02, 0.98, day.call, name)

    processors, began = Processors(server), time.perf_counter()
    tasks = []
    for moment, do in sorted(plan, key=lambda one: one[0]):
        await asyncio.sleep(max(0, began + moment * minutes * 60 - time.perf_counter()))
        tasks.append(asyncio.ensure_future(do()))
    faults = Counter(
        repr(found)[:120]
        for found in await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(found, BaseException)
    )
    elapsed = time.perf_counter() - began
    say("| | answers | p50 ms | p99 ms | worst ms | wrong |\n|---|---:|---:|---:|---:|---|")
    whole = Times()
    for kind, times in [*sorted(day.times.items()), ("all", whole)]:
        say(
            f"| {kind} | {len(times.seconds)} | {times.quantile_ms(0.5):.0f} "
            f"| {times.quantile_ms(0.99):.0f} | {1000 * max(times.seconds):.0f} "
            f"| {dict(times.wrong) or 0} |"
        )
        whole.seconds += times.seconds if times is not whole else []
        whole.wrong += times.wrong if times is not whole else Counter()
    say(
        f"{elapsed / 60:.1f} minutes; done: {dict(day.done)}; {processors.told(len(whole.seconds))}"
    )
    say(f"wrong answers {sum(whole.wrong.values())}, faults of the driver {dict(faults) or 0}")


def main() -> None:
    """Invent the clinic and replay its day."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clinicians", type=int, default=20)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    args = parser.parse_args()
    visits = args.clinicians * VISITS_EACH
    staff = args.clinicians + max(1, args.clinicians // CLINICIANS_A_DESK)
    with serving(args.database, args.patients, visits, staff) as server:
        asyncio.run(replay(server, args.minutes, args.clinicians))
        tell_complaints(server)


if __name__ == "__main__":
    main()

"""Load on the real server, with sign-in, CSRF, audit and the daily backup on.

    python benchmarks/load.py pages [--database postgresql] [--seconds 20]
    python benchmarks/load.py answers [--database postgresql] [--seconds 20]
    python benchmarks/load.py soak [--minutes 60] [--rate 20]

Each invents a clinic of 400 patients in a temporary directory, starts `enthesis serve` on it, as
the systemd unit does, and prints what it measured with what the driver itself took of a processor.
Needs the tools of the tests (for the wheel with PostgreSQL). results/load.md keeps what was seen.
"""

import argparse
import asyncio
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

from load_client import ASKED, Answer, Browser, filled, path_of
from load_server import Server, serving

VISITORS = 50
CLINICIANS = 10
"""Signing in is limited by name; several browsers of one clinician are as good."""
PATIENTS = 400
# More than 700 a second for as long as it may last; what is left over was not needed.
LINKS_A_SECOND = 800
WARM_SECONDS = 3
MOST_WAITING = 200


class Times:
    """Seconds of each answer and what was no success."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.wrong: Counter[str] = Counter()

    def add(self, answer: Answer, wanted: int = 200) -> None:
        """One answer, whose status should be the one wanted."""
        self.seconds.append(answer.seconds)
        if answer.status != wanted:
            self.wrong[str(answer.status)] += 1

    def quantile_ms(self, share: float) -> float:
        """Milliseconds below which that share of the answers came."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def row(self, name: str, elapsed: float) -> str:
        """A row of the table."""
        wrong = ", ".join(f"{n} × {what}" for what, n in self.wrong.items()) or "0"
        return (
            f"| {name} | {len(self.seconds) / elapsed:.0f} | {self.quantile_ms(0.5):.0f} "
            f"| {self.quantile_ms(0.99):.0f} | {max(self.seconds) * 1000:.0f} "
            f"| {len(self.seconds)} | {wrong} |"
        )


HEAD = """| | a second | p50 ms | p99 ms | worst ms | answers | wrong |
|---|---:|---:|---:|---:|---:|---:|"""
HEAD_OF_SOAK = """| minute | MiB | own MiB | files | threads | answers | p99 ms | wrong |
|---:|---:|---:|---:|---:|---:|---:|---|"""


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Processors:
    """What the server and the driver take meanwhile."""

    def __init__(self, server: Server) -> None:
        self.server, self.began = server, time.perf_counter()
        self.own, self.theirs = time.process_time(), server.state()["cpu_s"]

    def told(self, answers: int) -> str:
        """In percent of one processor, and what one of so many answers took of it, which a machine
        that is busy with other work changes least."""
        elapsed = time.perf_counter() - self.began
        own = (time.process_time() - self.own) / elapsed
        state = self.server.state()
        theirs = (state["cpu_s"] - self.theirs) / elapsed
        each = 1000 * (state["cpu_s"] - self.theirs) / max(1, answers)
        return (
            f"{each:.1f} ms of a processor an answer; driver {own:.0%} of a processor, server "
            f"{theirs:.0%}, {state['rss_mib']:.0f} MiB"
        )


async def signed_in(server: Server, visitors: int) -> list[Browser]:
    """So many browsers of clinicians."""
    browsers = [Browser(server.port, number) for number in range(visitors)]
    names = itertools.cycle(server.filled["clinicians"])
    for browser, name in zip(browsers, names, strict=False):
        await browser.sign_in(name, server.filled["password"])
    # Until its registry is written for the first time the outcomes say 503, wait.
    while (await browsers[0].get("/outcomes/")).status == 503:
        await asyncio.sleep(1)
    return browsers


async def for_seconds(
    seconds: float, browsers: list[Browser], one: Callable[[Browser], Awaitable[bool]]
) -> float:
    """Each browser does one thing after another until the time is over; how long it took."""
    began = time.perf_counter()

    async def visit(browser: Browser) -> None:
        while time.perf_counter() - began < seconds:
            if not await one(browser):
                return

    await asyncio.gather(*(visit(browser) for browser in browsers))
    return time.perf_counter() - began


def staff_pages(server: Server, rng: random.Random) -> dict[str, Callable[[], str]]:
    """The pages that a clinic opens most."""
    courses = server.filled["courses"]
    return {
        "Today": lambda: "/",
        "a patient": lambda: f"/patients/{rng.choice(courses)[1]}/",
        "a course": lambda: f"/courses/{rng.choice(courses)[0]}/",
        "outcomes": lambda: "/outcomes/",
    }


async def pages(server: Server, seconds: float) -> None:
    """Pages a second at 50 connections, one kind after the other."""
    browsers = await signed_in(server, VISITORS)
    for name, address in staff_pages(server, random.Random(1)).items():  # noqa: S311

        def visit(times: Times, address: Callable[[], str] = address) -> Callable:  # type: ignore[type-arg]
            async def one(browser: Browser) -> bool:
                times.add(await browser.get(address()))
                return True

            return one

        await for_seconds(WARM_SECONDS, browsers, visit(Times()))
        times, processors = Times(), Processors(server)
        elapsed = await for_seconds(seconds, browsers, visit(times))
        say(times.row(name, elapsed))
        say(f"    {processors.told(len(times.seconds))}")


async def answers(server: Server, seconds: float) -> None:
    """Questionnaires begun a second: the page is opened, then its answers are sent.

    First page and answers by turns; then answers alone, to pages that were opened before.
    """
    tokens, rng = iter(server.filled["tokens"]), random.Random(1)  # noqa: S311
    await for_seconds(WARM_SECONDS, visitors(server), lambda b: _begin(b, tokens, rng))
    got, sent, processors = Times(), Times(), Processors(server)
    elapsed = await for_seconds(
        seconds, visitors(server), lambda b: _begin(b, tokens, rng, got, sent)
    )
    say(got.row("page opened", elapsed))
    say(sent.row("answers sent, each a new assessment", elapsed))
    say(f"    {processors.told(len(got.seconds) + len(sent.seconds))}")

    browsers = visitors(server)
    opened = await _opened(browsers, tokens, rng, int(seconds * LINKS_A_SECOND / 2 / VISITORS))
    alone, processors = Times(), Processors(server)

    async def send(browser: Browser) -> bool:
        if not opened[browser.address]:
            return False
        path, fields = opened[browser.address].pop()
        alone.add(await browser.post(path, fields), 302)
        return True

    elapsed = await for_seconds(seconds, browsers, send)
    say(alone.row("answers sent alone, each a new assessment", elapsed))
    say(f"    {processors.told(len(alone.seconds))}")

    # Whole questionnaires: every screen, as a patient goes through them.
    steps, done, processors = Times(), Times(), Processors(server)

    async def whole(browser: Browser) -> bool:
        began = time.perf_counter()
        path = f"/a/{next(tokens)}/"
        page = await browser.get(path)
        while ASKED in page.body:
            answer = await browser.post(path, filled(page, rng))
            steps.add(answer, 302)
            page = await browser.get(path_of(answer.location) or path)
        done.add(Answer(page.status, "", b"", time.perf_counter() - began))
        return True

    elapsed = await for_seconds(seconds, visitors(server), whole)
    say(steps.row("screens sent on the way through whole questionnaires", elapsed))
    say(done.row("whole questionnaires", elapsed))
    say(f"    {processors.told(2 * len(steps.seconds))}")


def visitors(server: Server) -> list[Browser]:
    """Fifty patients' browsers that know nothing."""
    return [Browser(server.port, number) for number in range(VISITORS)]


async def _begin(
    browser: Browser,
    tokens: Iterator[str],
    rng: random.Random,
    got: Times | None = None,
    sent: Times | None = None,
) -> bool:
    path = f"/a/{next(tokens)}/"
    page = await browser.get(path)
    answer = await browser.post(path, filled(page, rng))
    if got and sent:
        got.add(page)
        sent.add(answer, 302)
    return True


async def _opened(
    browsers: list[Browser], tokens: Iterator[str], rng: random.Random, each: int
) -> dict[str, list[tuple[str, list[tuple[str, str]]]]]:
    """For every browser so many pages with their forms filled in."""
    found: dict[str, list[tuple[str, list[tuple[str, str]]]]] = {b.address: [] for b in browsers}

    async def one(browser: Browser) -> bool:
        if len(found[browser.address]) >= each:
            return False
        path = f"/a/{next(tokens)}/"
        found[browser.address].append((path, filled(await browser.get(path), rng)))
        return True

    await for_seconds(600, browsers, one)
    return found


async def soak(server: Server, minutes: float, rate: float) -> None:
    """A steady mixture; memory, descriptors and threads each minute, and the slope of memory."""
    rng, times = random.Random(1), Times()  # noqa: S311
    staff = await signed_in(server, CLINICIANS)
    patients = visitors(server)
    kinds = list(staff_pages(server, rng).values())
    more: list[Callable[[], str]] = [
        lambda: "/patients/",
        lambda: "/calendar/",
        lambda: "/calls/",
        lambda: "/money/",
        lambda: "/stock/",
        lambda: "/evidence/",
        lambda: f"/patients/?find={rng.choice('abcdefgh')}",
    ]
    tokens, running = itertools.cycle(server.filled["tokens"]), set[asyncio.Task[None]]()
    free = {"staff": asyncio.Queue[Browser](), "patients": asyncio.Queue[Browser]()}
    for browser in staff:
        free["staff"].put_nowait(browser)
    for browser in patients:
        free["patients"].put_nowait(browser)

    async def one(number: int) -> None:
        of_patient = number % 4 == 0
        queue = free["patients" if of_patient else "staff"]
        browser = await queue.get()
        try:
            if of_patient:
                path = f"/a/{next(tokens)}/"
                page = await browser.get(path)
                times.add(page)
                if ASKED in page.body:
                    times.add(await browser.post(path, filled(page, rng)), 302)
            else:
                times.add(await browser.get(rng.choice(kinds if number % 2 else more)()))
        finally:
            queue.put_nowait(browser)

    def ended(task: asyncio.Task[None]) -> None:
        running.discard(task)
        if fault := task.exception():  # no answer at all, which nothing else would count
            times.wrong[type(fault).__name__] += 1

    began, number, states = time.perf_counter(), 0, list[tuple[float, dict[str, float]]]()
    say(HEAD_OF_SOAK)
    while (now := time.perf_counter() - began) < minutes * 60:
        task = asyncio.create_task(one(number))
        running.add(task)
        task.add_done_callback(ended)
        number += 1
        # Each fourth is a page and its answers: two requests.
        await asyncio.sleep(max(0, began + number * 1.25 / rate - time.perf_counter()))
        while len(running) > MOST_WAITING:
            await asyncio.sleep(0.1)
        if now >= 60 * (len(states) + 1):
            state = server.state()
            states.append((now / 60, state))
            say(
                f"| {now / 60:.0f} | {state['rss_mib']:.1f} | {state['own_mib']:.1f} "
                f"| {state['files']:.0f} | {state['threads']:.0f} | {len(times.seconds)} "
                f"| {times.quantile_ms(0.99):.0f} | {dict(times.wrong)} |"
            )
    await asyncio.gather(*running, return_exceptions=True)
    say(f"wrong in all: {dict(times.wrong) or 0}")
    for share, name in ((0, "whole"), (1 / 3, "from the first third on"), (0.5, "second half")):
        part = states[int(share * len(states)) :]
        if len(part) > 2:
            rise, error = slope([(minute / 60, state["own_mib"]) for minute, state in part])
            say(f"{name}: {rise:+.1f} MiB of its own an hour (standard error {error:.1f})")


def slope(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Of the least-squares line, with its standard error."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mx) ** 2 for x, _ in points)
    rise = sum((x - mx) * (y - my) for x, y in points) / spread
    left = sum((y - my - rise * (x - mx)) ** 2 for x, y in points)
    return rise, (left / (n - 2) / spread) ** 0.5


def tell_complaints(server: Server) -> None:
    """How many lines of the server's log are no plain request, and the first of them."""
    complaints = server.complaints()
    say(f"lines in its log that are no plain request: {len(complaints)}")
    for line in complaints[:5]:
        say(f"    {line[:300]}")


def main() -> None:
    """Start the server and run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["pages", "answers", "soak"])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    args = parser.parse_args()
    links = int(args.seconds * 3 * LINKS_A_SECOND)
    with serving(args.database, args.patients, links, CLINICIANS, args.workers) as server:
        if args.what == "soak":
            asyncio.run(soak(server, args.minutes, args.rate))
        else:
            say(HEAD)
            asyncio.run({"pages": pages, "answers": answers}[args.what](server, args.seconds))
        tell_complaints(server)


if __name__ == "__main__":
    main()

"""The reference page of the decision aid: where each IPDAS item stands, how hard each page is to
read, and every text with its source. `lacking` finds on a page what does not hold."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from docs.reading import grade
from enthesis.clinic.told import evidence_on
from enthesis.journey.decide import DecisionAid, Option, choosable, decision_aid
from enthesis.journey.self_check import questions
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load_papers import papers

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
CLINIC = {"clinic": "Harbour Clinic", "phone": "(555) 0100"}
SOURCE = "https://pmc.ncbi.nlm.nih.gov/articles/PMC5013503/table/BMJOPEN2016011918TB2"
QUALITY = "http://ipdas.ohri.ca/using.html"
TOLD = ("what", "good", "bad", "harm", "life", "visits", "price", "fails", "sure")
WORDS = re.compile(r"<svg.*?</svg>|<[^>]+>", re.DOTALL)


class Item(NamedTuple):
    """One item: in short words, and where on the page it stands: a part, a row of every option, or
    a line of the part `about`, counted from 0."""

    kind: str
    words: str
    part: str = ""
    rows: tuple[str, ...] = ()
    line: int | None = None


ITEMS = (
    Item("qualifying", "the condition is described", "condition"),
    Item("qualifying", "the decision is stated", "choice"),
    Item("qualifying", "the options are described", rows=("name",)),
    Item("qualifying", "the good sides of each option", rows=("good",)),
    Item("qualifying", "the bad sides of each option", rows=("bad",)),
    Item("qualifying", "what it is like to live with each", rows=("life", "fails")),
    Item("certifying", "good and bad sides in equal detail", rows=("good", "bad")),
    Item("certifying", "sources are cited", "sources"),
    Item("certifying", "the day on which it was made", "about", line=1),
    Item("certifying", "when it is looked at again", "about", line=2),
    Item("certifying", "how uncertain the numbers are", "unknown", rows=("sure",)),
    Item("certifying", "who paid for it", "about", line=3),
)


BESIDE = (
    ("what matters most to the patient is asked, beside every option", "values"),
    ("questions to take to the visit, and a sheet to write on", "sheet"),
    ("whether it was understood is asked", "know"),
)
"""What IPDAS asks beyond those twelve and the pages beside the aid hold: words, and the page."""


def lacking(page: str, aid: DecisionAid) -> list[str]:
    """The items that do not hold on a rendered page, in their words."""
    about = next(one for one in aid.sections if one.id == "about").lines
    return [
        item.words
        for item in ITEMS
        if (item.part and not _part(page, item.part))
        or (item.part == "sources" and "https://" not in _part(page, item.part))
        or (item.line is not None and about[item.line] not in _part(page, item.part))
        or not all(_told(page, option, row) for option in aid.options for row in item.rows)
    ]


def _part(page: str, id: str) -> str:
    """The words of a part of the page; empty where there is none."""
    found = re.search(rf'<(section|p|details)\b[^>]*\bid="{id}".*?</\1>', page, re.DOTALL)
    return _words(found[0]) if found else ""


def _told(page: str, option: Option, row: str) -> bool:
    """Whether an option's cell says all of it, with how many of 100 where it is good or bad."""
    found = re.search(rf'<tr id="option-{option.id}">(.*?)</tr>', page, re.DOTALL)
    line = found[1] if found else ""
    cells = dict(re.findall(r'<td data-row="(\w+)"[^>]*>(.*?)</td>', line, re.DOTALL))
    cells["name"] = line.partition("</th>")[0]
    wanted = {
        "name": (option.name, option.what),
        "good": (option.good, *option.hundred),
        "bad": (option.bad, option.harm),
    }
    said = _words(cells.get(row, ""))
    return all(text in said for text in wanted.get(row) or (getattr(option, row),))


def _words(html: str) -> str:
    text = " ".join(WORDS.sub(" ", html).split())
    for entity, character in (("&#x27;", "'"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


def _self_check(known: Knowledge, table: Table) -> str:
    """Every question with its rules and where it leads, by region where regions differ; and the
    rules that are not asked about."""
    doors: dict[str, dict[str, list[str]]] = {}
    for one in choosable(known):
        for asked in questions(one, known):
            name = asked.door.name.lower().replace("_", " ")
            doors.setdefault(asked.id, {}).setdefault(name, []).append(one.id)
    everywhere = len(choosable(known))
    rows = (
        (
            one.text,
            f"{grade(one.text):.1f}",
            ", ".join(f"`{id}`" for id in one.finds),
            "; ".join(
                name if len(of) == everywhere else f"{name}: {', '.join(of)}"
                for name, of in doors[one.id].items()
            ),
        )
        for one in known.self_check_questions.values()
    )
    not_asked = table(["rule", "why it is not asked"], known.self_check_rules.not_asked.items())
    return (
        "It has no rules of its own: each question names [rules of candidacy](candidacy.md) or "
        "warning signs, and leads where the strictest that applies leads.\n\n"
        f"{table(['question', 'grade', 'rules', 'yes leads to'], rows)}\n\n"
        f"Rules that would lead to a doctor first and are not asked:\n\n{not_asked}"
    )


def english(aid: DecisionAid) -> str:
    """Everything that is read on the page, without headings, names and sources."""
    lines = [aid.choice, aid.help, *(line for one in aid.sections for line in one.lines)]
    lines += [line for one in aid.scales for line in one.lines]
    for option in aid.options:
        lines += [*(getattr(option, field) for field in TOLD), *option.hundred]
    return " ".join(lines)


def page(known: Knowledge, table: Table, notice: str) -> str:
    """The items, the reading level, the numbers and the texts."""
    aids = [
        decision_aid(one.id, known, evidence_on(one.id, known), papers(), CLINIC)
        for one in choosable(known)
    ]
    items = table(
        ["item", "kind", "where on the page"],
        (
            (
                item.words,
                item.kind,
                " and ".join(
                    [f"`#{item.part}`" if item.part else "", *(f"`{row}` of each option"
                                                               for row in item.rows)]
                ).removeprefix(" and "),
            )
            for item in ITEMS
        ),
    )  # fmt: skip
    levels = table(
        ["condition", "grade", "words", "options", "pictures of 100 people"],
        (
            (
                known.conditions[aid.condition].name,
                f"{grade(english(aid)):.1f}",
                len(english(aid).split()),
                len(aid.options),
                sum(len(one.bars) for one in aid.scales),
            )
            for aid in aids
        ),
    )
    options = table(
        ["option", "field", "what is read", "source"],
        (
            (one.name, field, getattr(one, field), source)
            for one in known.choice_options.values()
            for field, source in one.sources.items()
        ),
    )
    notes = table(
        ["option", "conditions", "field", "in place of it", "certainty", "source"],
        (
            (
                n.option,
                ", ".join(n.conditions),
                n.part,
                n.text,
                n.certainty or "not rated",
                n.source,
            )
            for n in known.choice_notes
        ),
    )
    scales = table(
        ["conditions", "outcome", "when", "of 100", "people", "source"],
        (
            (
                ", ".join(s.conditions),
                s.outcome,
                s.when,
                "; ".join(
                    f"{b.words or b.option}: {'the paper' if b.of_100 is None else b.of_100}"
                    for b in s.bars
                ),
                s.people or "not said",
                s.source,
            )
            for s in known.choice_scales.values()
        ),
    )
    beside = table(
        ["item", "page"], ((words, f"`/choose/1/CONDITION/{page}/`") for words, page in BESIDE)
    )
    return (
        f"# The decision aid\n\n{notice}\n\nHow it is used: [offer the decision aid]"
        "(../how-to/offer-the-decision-aid.md). `tests/clinic/test_choose.py` looks for each item "
        "on the rendered page of every condition in both languages.\n\n"
        "## The items of IPDAS\n\nAll six qualifying and six certifying items, "
        f"[in short]({SOURCE}).\n\n{items}\n\n"
        f"There are [28 quality criteria]({QUALITY}) more, whose exact words were not seen here. "
        "Of what they are known to ask for, [the pages beside the aid]"
        f"(../how-to/ask-before-the-visit.md) hold this:\n\n{beside}\n\n"
        f"## The self-check\n\n{_self_check(known, table)}\n\n"
        "## How hard it is to read\n\nFlesch–Kincaid grade of the whole English "
        "page, by the measure of the tests (docs/reading.py); no text may be above 8, names of "
        f"options and headings apart.\n\n{levels}\n\n## What is said of each option\n\n{options}"
        f"\n\n## What is said in its place\n\n{notes}\n\n## People of 100\n\nThose of trials of "
        "prolotherapy come from [the evidence](../explanation/evidence.md) and are not listed here."
        f"\n\n{scales}\n"
    )

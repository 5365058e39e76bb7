"""A report as HTML: the same sections on the screen, in a file of its own and on paper."""

import csv
import io
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape

from enthesis.charts.curves import Table
from enthesis.charts.pen import day_in_words, element
from enthesis.charts.standalone import standalone
from enthesis.outcomes.report import READ_FIRST, Figure, Report, Section

Draw = Callable[[Section, Figure], str]
HOW = "How this was calculated"


def body_html(report: Report) -> str:
    """The sections for a screen: pictures first, each table folded under its picture."""
    return _body(report, _both_widths, folded=True)


def page_html(report: Report, css: str) -> str:
    """A whole page with its style sheet inside: no script, nothing fetched from anywhere."""
    return _whole(report, css, body_html(report))


def paper_html(report: Report, css: str) -> str:
    """A whole page for paper: pictures as images with their words, tables open."""
    return _whole(report, css, _body(report, _as_image, folded=False))


def as_csv(report: Report, section: Section, cell: Callable[[str], str]) -> str:
    """The numbers of one section, under a line that says where they come from. `cell` writes what
    each row is about, which may be the name of a clinician or a protocol as somebody typed it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([f"# {section.finding}. {section.source} {report.origin.words()}"])
    if section.table:
        writer.writerow(section.table.head)
        writer.writerows((cell(about), *numbers) for about, *numbers in section.table.rows)
    return out.getvalue()


def table_html(table: Table) -> str:
    """A table whose rows become cards on a phone: each cell knows its heading."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = ""
    for first, *rest in table.rows:
        cells = "".join(
            element("td", escape(cell) or "–", data_label=name)
            for name, cell in zip(table.head[1:], rest, strict=True)
        )
        rows += f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'
    opening = '<table class="table cards"><thead><tr>'
    return f"{opening}{head}</tr></thead><tbody>{rows}</tbody></table>"


def technical_html(told: Sequence[str], *, folded: bool) -> str:
    """How the numbers were made, behind a word to open it; on paper open."""
    if not told:
        return ""
    items = "".join(f'<p class="quiet">{escape(text)}</p>' for text in told)
    if folded:
        return f'<details class="more"><summary>{HOW}</summary>{items}</details>'
    return f'<p class="quiet"><strong>{HOW}.</strong></p>{items}'


def _whole(report: Report, css: str, body: str) -> str:
    title = escape(report.title)
    facts = f"As of {day_in_words(report.day)} · {report.origin.words()}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{css}</style></head><body><main><div class="wide-line">'
        f'<div class="page-head"><div><h1>{title}</h1><p class="quiet">{escape(facts)}</p></div>'
        f'</div><div class="columns"><div class="main">{body}</div></div></div></main></body>'
        "</html>\n"
    )


def _body(report: Report, draw: Draw, *, folded: bool) -> str:
    told = "".join(_section(one, draw, folded=folded) for one in report.sections)
    items = "".join(f"<li>{escape(text)}</li>" for text in report.cannot)
    first = (
        f'<div class="callout tone-care"><h2 class="title">Read this first</h2><p>{READ_FIRST} '
        '<a href="#cannot">What this cannot tell you</a></p></div>'
    )
    return (
        f'{first}{told}<section class="card" aria-labelledby="cannot">'
        f'<h2 id="cannot">What this cannot tell you</h2><ul class="told">{items}</ul></section>'
    )


def _section(one: Section, draw: Draw, *, folded: bool) -> str:
    table = table_html(one.table) if one.table else ""
    if table and folded and one.figure:
        table = f'<details class="more"><summary>Show the numbers</summary>{table}</details>'
    notes = "".join(f'<p class="quiet">{escape(note)}</p>' for note in one.notes)
    notes += technical_html(one.technical, folded=folded)
    figure = draw(one, one.figure) if one.figure else ""
    return (
        f'<section class="card" aria-labelledby="{one.id}"><figure class="figure"><figcaption>'
        f'<h2 id="{one.id}">{escape(one.finding)}</h2><p class="quiet">{escape(one.measure)}</p>'
        f'</figcaption>{figure}<p class="quiet">{escape(one.source)}</p>{notes}{table}</figure>'
        "</section>"
    )


def _both_widths(_: Section, figure: Figure) -> str:
    return figure.wide + figure.narrow


def _as_image(one: Section, figure: Figure) -> str:
    coded = b64encode(standalone(figure.wide).encode()).decode()
    return element("img", src=f"data:image/svg+xml;base64,{coded}", alt=one.finding)

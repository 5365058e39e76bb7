"""A report as a tagged PDF/UA, in a font that ships with the program and with nothing fetched.

The fetcher knows two kinds of address: our own fonts, and pictures written out in the page itself.
Whatever else a page asks for stops the printing, as does a letter that the font does not have: a
name that prints as an empty box, or from whatever font a machine has, is worse than none.
"""

from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any

from enthesis.outcomes.errors import FitError, LettersError

if TYPE_CHECKING:
    from enthesis.outcomes.report import Report

FONTS = ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf")


def report_pdf(report: "Report") -> bytes:
    """The report as PDF/UA-1. Raises FitError, naming the letters that cannot be printed."""
    from enthesis.outcomes.page import paper_html  # the models: not for who prints an invoice

    # The words inside the pictures are coded in the page: they are looked at here.
    _refuse_unknown_letters("".join(s.figure.wide for s in report.sections if s.figure))
    return pdf_of(paper_html(report, paper_css()))


def pdf_of(html: str, variant: str = "pdf/ua-1") -> bytes:
    """A page as tagged PDF; every address in it must be one of our fonts or a picture written
    out."""
    from weasyprint import HTML  # type: ignore[import-untyped]  # slow: not while a web server starts
    from weasyprint.urls import FatalURLFetchingError  # type: ignore[import-untyped]

    _refuse_unknown_letters(html)
    # However a line ends: at Unicode's own mark for it, if somebody pasted one, the printer fails.
    html = "\n".join(html.splitlines())
    document = HTML(string=html, url_fetcher=_fetcher())
    try:
        printed: bytes = document.write_pdf(pdf_variant=variant, pdf_tags=True)
    except FatalURLFetchingError as refused:
        raise FitError(str(refused)) from refused
    return printed


def paper_css() -> str:
    """The style of everything on paper."""
    return (files("enthesis.outcomes") / "paper.css").read_text(encoding="utf-8")


def _fetcher() -> Any:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OwnFiles(URLFetcher):  # type: ignore[misc]  # the library has no types
        """Our fonts by name, and data written out; an error stops the printing."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            kind, _, name = url.partition(":")
            if kind == "font" and name in FONTS:
                return URLFetcherResponse(url, _font(name), {"Content-Type": "font/ttf"})
            if kind == "data":
                return super().fetch(url, headers)
            raise FatalURLFetchingError(f"A report fetches nothing: {url[:80]} was asked for.")

    return OwnFiles(allowed_protocols=("data",))


@cache
def _font(name: str) -> bytes:
    return (files("enthesis.outcomes") / "fonts" / name).read_bytes()


@cache
def _letters() -> frozenset[int]:
    """The letters that both weights have."""
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    each = [frozenset(TTFont(BytesIO(_font(name))).getBestCmap()) for name in FONTS]
    return each[0] & each[1]


def _refuse_unknown_letters(html: str) -> None:
    unknown = sorted({c for c in html if ord(c) not in _letters() and not c.isspace()})
    if unknown:
        shown = ", ".join(f"{c} (U+{ord(c):04X})" for c in unknown[:8])
        raise LettersError(shown)

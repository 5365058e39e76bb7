"""Opens the knowledge files, once, and says what was known as of a date. Nothing else opens them.

The dataclasses in `kinds.py` are the schema and `Knowledge` is the table of contents: a field
that maps ids to a kind, or lists a kind, is filled from the arrays of tables named after that
kind (`[[candidacy_rule]]` fills `candidacy_rules`), a field that holds one is filled from the
table of its own name (`[mixing]`). A new kind needs nothing here. Sites, their positions and the
codes are tables (CSV); a questionnaire is a file of its own, with a sibling for each language
(`six_signs.es.toml`).
"""

import csv
import dataclasses
import tomllib
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from enthesis.knowledge.enquiries import EnquiryWords
from enthesis.knowledge.examination_kinds import MotionNorm
from enthesis.knowledge.kinds import (
    About,
    AnaestheticLimit,
    JudgeStudy,
    Knowledge,
    Questionnaire,
    Site,
)
from enthesis.knowledge.references import problems
from enthesis.knowledge.translate import (
    OPTION_TEXTS,
    aftercare_problems,
    choice_problems,
    consent_problems,
    danger_problems,
    estimate_problems,
    line_problems,
    self_check_problems,
    translation_problems,
    visit_problems,
)
from enthesis.knowledge.words import (
    AftercareWords,
    ChoiceWords,
    ConsentWords,
    DangerWords,
    SelfCheckWords,
    Translation,
    VisitWords,
)
from enthesis.shape import ShapeError, read

FOLDER = Path(__file__).parent
# What makes two entries versions of the same thing; by default their id.
IDENTITY: Mapping[type, tuple[str, ...]] = {AnaestheticLimit: ("substance", "with_adrenaline")}
# These fields are filled from other places than the rules: see _knowledge.
NOT_FROM_RULES = {
    *("as_of", "abouts", "questionnaires", "sites", "site_positions", "judge_studies"),
    "motion_norms",
    *(
        "translations",
        "danger_words",
        "visit_words",
        "consent_words",
        "estimate_words",
        "choice_words",
        "self_check_words",
        "enquiry_words",
        "aftercare_words",
        "protocol_versions",
    ),
}


class KnowledgeError(ValueError):
    """A knowledge file that cannot be used: which file, where in it, and what to mend."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file


class Entry(NamedTuple):
    """One piece of knowledge and where it is written ("rules/protocols.toml: protocol[0]")."""

    value: Any
    where: str


class Section(NamedTuple):
    """One field of Knowledge: the name of its tables, their kind, and how it holds them."""

    name: str
    kind: type
    holds: str  # "by_id", "list" or "one"


@dataclasses.dataclass(frozen=True)
class Library:
    """Every entry of every file, whenever it starts. `entries` is by field of Knowledge."""

    abouts: Mapping[str, About]
    entries: Mapping[str, tuple[Entry, ...]]
    site_positions: Mapping[tuple[str, str, str], tuple[Decimal, Decimal]]
    judge_studies: tuple[JudgeStudy, ...]
    codes: Mapping[tuple[str, str], str]
    translations: Mapping[tuple[str, str, str], Translation]
    danger_words: Mapping[str, DangerWords]
    visit_words: Mapping[str, VisitWords]
    aftercare_words: Mapping[str, AftercareWords]
    consent_words: Mapping[str, ConsentWords]
    estimate_words: Mapping[str, ConsentWords]
    choice_words: Mapping[str, ChoiceWords]
    self_check_words: Mapping[str, SelfCheckWords]
    enquiry_words: Mapping[str, EnquiryWords]


@lru_cache(maxsize=256)
def knowledge(as_of: date) -> Knowledge:
    """What is known as of a date; the files are read once in a process.

    Raises KnowledgeError for a file that is wrong, or a date before anything was known.
    """
    return known_on(_shipped(), as_of)


def shipped_codes() -> Mapping[tuple[str, str], str]:
    """(system, code) of every shipped code, and its name."""
    return _shipped().codes


@cache
def _shipped() -> Library:
    return read_library(FOLDER)


def read_library(folder: Path) -> Library:
    """Read all files below a folder and check that what they name exists (KnowledgeError)."""
    abouts: dict[str, About] = {}
    entries: dict[str, list[Entry]] = {name: [] for name in sections()}
    for path in originals(folder / "rules"):
        _read_rules(path, _name(path), abouts, entries)
    entries["questionnaires"] = []
    for path in originals(folder / "questionnaires"):
        data = head_of(path, _name(path), abouts)
        entries["questionnaires"].append(read_entry(Questionnaire, data, _name(path), ""))
    entries["sites"] = _read_sites(folder / "tables" / "sites.csv")
    entries["motion_norms"] = _read_motions(folder / "tables" / "range_of_motion.csv")
    library = Library(
        abouts,
        {name: tuple(found) for name, found in entries.items()},
        _read_positions(folder / "tables" / "site_positions.csv"),
        tuple(e.value for e in _read_table(JudgeStudy, folder / "tables" / "judge_rules.csv")),
        {(r["system"], r["code"]): r["name"] for r in _rows(folder / "tables" / "codes.csv")},
        read_translations(
            sorted((folder / "questionnaires").glob("*.*.toml")), entries["questionnaires"], abouts
        ),
        _read_danger_words(folder / "rules", entries["danger_rules"], abouts),
        _read_visit_words(folder / "rules", entries, abouts),
        _read_aftercare_words(folder / "rules", entries, abouts),
        _read_consent_words(folder / "rules", entries, abouts),
        _read_estimate_words(folder / "rules", entries, abouts),
        _read_choice_words(folder / "rules", entries, abouts),
        _read_self_check_words(folder / "rules", entries, abouts),
        _read_enquiry_words(folder / "rules", entries, abouts),
    )
    for where, problem in problems(library.entries, library.codes):
        raise KnowledgeError(where, problem)
    return library


def originals(folder: Path) -> list[Path]:
    """The files of a folder that translate no other one."""
    return sorted(path for path in folder.glob("*.toml") if "." not in path.stem)


def read_translations(
    paths: Iterable[Path], asked: Iterable[Entry], abouts: dict[str, About]
) -> dict[tuple[str, str, str], Translation]:
    """The translations of questionnaires, checked against what they translate (KnowledgeError)."""
    versions = {(e.value.id, e.value.version): e.value for e in asked}
    found = {}
    for path in paths:
        words: Translation = _translation(Translation, path, abouts)
        key = words.of, words.of_version
        if key not in versions:
            raise KnowledgeError(_name(path), f"of: no questionnaire {key[0]!r}, version {key[1]}")
        for problem in translation_problems(versions[key], words):
            raise KnowledgeError(_name(path), problem)
        found[words.language, *key] = words
    return found


def _read_danger_words(
    folder: Path, rules: Iterable[Entry], abouts: dict[str, About]
) -> dict[str, DangerWords]:
    originals = {entry.value.id: entry.value for entry in rules}
    return _translations(
        DangerWords, folder, "danger", abouts, lambda words: danger_problems(originals, words)
    )


def _read_visit_words(
    folder: Path, entries: Mapping[str, Iterable[Entry]], abouts: dict[str, About]
) -> dict[str, VisitWords]:
    originals = {e.value.id: e.value for e in entries["visit_texts"]}
    regions = {e.value.place_words for e in entries["conditions"]}
    mixed = (e.value for e in entries["substances"])
    named = regions | {one.name.lower() for one in mixed if one.role == "anaesthetic"}
    return _translations(
        VisitWords, folder, "visit", abouts, lambda words: visit_problems(originals, named, words)
    )


def _read_aftercare_words(
    folder: Path, entries: Mapping[str, Iterable[Entry]], abouts: dict[str, About]
) -> dict[str, AftercareWords]:
    texts = {entry.value.id for entry in entries["aftercare_texts"]}
    pills = {entry.value.id for entry in entries["pain_pill_choices"]}
    return _translations(
        AftercareWords,
        folder,
        "aftercare",
        abouts,
        lambda words: aftercare_problems(texts, pills, words),
    )


def _read_consent_words(
    folder: Path, entries: Mapping[str, Iterable[Entry]], abouts: dict[str, About]
) -> dict[str, ConsentWords]:
    texts = {entry.value.id: entry.value.text for entry in entries["consent_texts"]}
    every = {name: [entry.value for entry in found] for name, found in entries.items()}
    named = {w for s in every["syntheses"] for w in (s.outcome, s.comparator, s.unit)}
    named |= {one.title for one in every["benchmarks"]}
    named |= {one.name for one in every["conditions"] if one.protocols}
    named |= {one.name for one in every["sites"] if one.role == "target"}
    named |= {one.name.lower() for one in every["measures"] if one.validated}
    named |= {one.name.lower() for one in every["substances"] if one.role != "diluent"}
    return _translations(
        ConsentWords, folder, "consent", abouts, lambda words: consent_problems(texts, named, words)
    )


def _read_estimate_words(
    folder: Path, entries: Mapping[str, Iterable[Entry]], abouts: dict[str, About]
) -> dict[str, ConsentWords]:
    texts = {entry.value.id: entry.value.text for entry in entries["estimate_texts"]}
    named = {e.value.text for kind in ("tariff", "tariff_parts") for e in entries[kind]}
    return _translations(
        ConsentWords,
        folder,
        "estimate",
        abouts,
        lambda words: estimate_problems(texts, named, words),
    )


def _read_choice_words(
    folder: Path, entries: Mapping[str, Iterable[Entry]], abouts: dict[str, About]
) -> dict[str, ChoiceWords]:
    every = {name: [entry.value for entry in found] for name, found in entries.items()}
    options = {
        one.id: {name: text for name in OPTION_TEXTS if (text := getattr(one, name))}
        for one in every["choice_options"]
    }
    notes = {one.id: one.text for one in every["choice_notes"]}
    texts = {id: text for held in every["choice_lines"] for id, text in held.texts.items()}
    scales = every["choice_scales"]
    named = {one.outcome for one in scales} | {b.words for s in scales for b in s.bars if b.words}
    named |= {one.when for one in scales if one.is_harm}
    about = abouts.get("rules/options.toml")
    named |= {about.author, about.reviewer} if about else set()
    return _translations(
        ChoiceWords,
        folder,
        "options",
        abouts,
        lambda words: choice_problems(options, notes, texts, named, words),
    )


def _read_self_check_words(
    folder: Path, entries: Mapping[str, Iterable[Entry]], abouts: dict[str, About]
) -> dict[str, SelfCheckWords]:
    asked = [entry.value for entry in entries["self_check_questions"]]
    texts = {one.id: one.text for one in asked}
    tells = {one.id: one.tell for one in asked if one.tell}
    return _translations(
        SelfCheckWords,
        folder,
        "self_check",
        abouts,
        lambda words: self_check_problems(texts, tells, words),
    )


def _read_enquiry_words(
    folder: Path, entries: Mapping[str, Iterable[Entry]], abouts: dict[str, About]
) -> dict[str, EnquiryWords]:
    texts = {id: text for e in entries["enquiry_lines"] for id, text in e.value.texts.items()}
    return _translations(
        EnquiryWords, folder, "enquiries", abouts, lambda words: line_problems(texts, words.texts)
    )


WordsT = TypeVar("WordsT")


def _translations(
    kind: type[WordsT],
    folder: Path,
    stem: str,
    abouts: dict[str, About],
    problems: Callable[[WordsT], Iterable[str]],
) -> dict[str, WordsT]:
    """The twins of one file by language; raises KnowledgeError at the first problem of one."""
    found = {}
    for path in sorted(folder.glob(f"{stem}.*.toml")):
        words = _translation(kind, path, abouts)
        for problem in problems(words):
            raise KnowledgeError(_name(path), problem)
        found[words.language] = words
    return found


def _translation(kind: type, path: Path, abouts: dict[str, About]) -> Any:
    words = read_entry(kind, head_of(path, _name(path), abouts), _name(path), "").value
    if path.suffixes[0] != f".{words.language}":
        raise KnowledgeError(
            _name(path), f"language: is {words.language!r}, the file's name differs"
        )
    return words


def known_on(library: Library, as_of: date) -> Knowledge:
    """The entries that have started by a date; of several versions the one started last."""
    held: dict[str, Any] = {}
    for name, section in sections().items():
        values = [e.value for e in _current(library.entries[name], as_of)]
        if section.holds == "by_id":
            held[name] = {v.id: v for v in values}
        elif section.holds == "list":
            held[name] = tuple(values)
        elif values:
            held[name] = values[0]
        else:
            raise KnowledgeError("rules", f"no [{section.name}] has started by {as_of}")
    conditions = {
        c.id: dataclasses.replace(
            c, protocols=tuple(p for p in c.protocols if p in held["protocols"])
        )
        for c in held.pop("conditions").values()
    }
    return Knowledge(
        as_of=as_of,
        abouts=library.abouts,
        questionnaires={
            e.value.id: e.value for e in _current(library.entries["questionnaires"], as_of)
        },
        sites={e.value.id: e.value for e in library.entries["sites"]},
        motion_norms=tuple(e.value for e in library.entries["motion_norms"]),
        site_positions=library.site_positions,
        translations=library.translations,
        danger_words=library.danger_words,
        visit_words=library.visit_words,
        aftercare_words=library.aftercare_words,
        consent_words=library.consent_words,
        estimate_words=library.estimate_words,
        choice_words=library.choice_words,
        self_check_words=library.self_check_words,
        enquiry_words=library.enquiry_words,
        judge_studies=library.judge_studies,
        protocol_versions={
            (e.value.id, e.value.version): e.value for e in library.entries["protocols"]
        },
        conditions=conditions,
        **held,
    )


@cache
def sections() -> Mapping[str, Section]:
    """The fields of Knowledge that are filled from rules, read off its type hints."""
    hints = typing.get_type_hints(Knowledge)
    return {name: _section(name, hints[name]) for name in hints if name not in NOT_FROM_RULES}


def _section(name: str, hint: Any) -> Section:
    kinds = typing.get_args(hint)
    if not kinds:
        return Section(name, hint, "one")
    by_id = kinds[0] is str
    kind = kinds[1] if by_id else kinds[0]
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__)
    return Section(words.strip("_"), kind, "by_id" if by_id else "list")


def _current(entries: Iterable[Entry], as_of: date) -> list[Entry]:
    newest: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        started = getattr(entry.value, "starts_on", date.min)
        key = _identity(entry.value)
        if started <= as_of and (key not in newest or started > _start(newest[key])):
            newest[key] = entry
    return list(newest.values())


def _identity(value: Any) -> tuple[object, ...]:
    if type(value) in IDENTITY:
        return tuple(getattr(value, name) for name in IDENTITY[type(value)])
    return (getattr(value, "id", None),)


def _start(entry: Entry) -> date:
    start: date = getattr(entry.value, "starts_on", date.min)
    return start


def _read_rules(
    path: Path, file: str, abouts: dict[str, About], entries: dict[str, list[Entry]]
) -> None:
    data = head_of(path, file, abouts)
    by_table = {section.name: field for field, section in sections().items()}
    for table, found in data.items():
        if table not in by_table:
            known = ", ".join(sorted(by_table))
            raise KnowledgeError(file, f"{table}: unknown table; known are {known}")
        field = by_table[table]
        single = isinstance(found, dict)
        for i, plain in enumerate([found] if single else found):
            at = table if single else f"{table}[{i}]"
            entry = read_entry(sections()[field].kind, plain, file, at)
            _refuse_twice(entry, entries[field], file)
            entries[field].append(entry)


def head_of(path: Path, file: str, abouts: dict[str, About]) -> dict[str, Any]:
    """The contents of a TOML file without its head, which is kept."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnowledgeError(file, f"is not TOML: {error}") from error
    if "about" not in data:
        raise KnowledgeError(file, "about: missing; say what the file is for and who checked it")
    abouts[file] = read_entry(About, data.pop("about"), file, "about").value
    return data


def read_entry(kind: type, plain: object, file: str, at: str) -> Entry:
    """One piece of knowledge out of its plain form; KnowledgeError says where it is wrong."""
    try:
        return Entry(read(kind, plain, at), f"{file}: {at}" if at else file)
    except ShapeError as error:
        raise KnowledgeError(file, str(error)) from error


def _refuse_twice(entry: Entry, others: Iterable[Entry], file: str) -> None:
    for other in others:
        if _identity(other.value) == _identity(entry.value) and _start(other) == _start(entry):
            raise KnowledgeError(
                file,
                f"{entry.where} has the id and the start date of {other.where}; "
                "give a new version a later starts_on",
            )


def _read_sites(path: Path) -> list[Entry]:
    entries = []
    for i, row in enumerate(_rows(path), start=2):
        entries.append(read_entry(Site, _filled(row), _name(path), f"line {i}"))
        _refuse_twice(entries[-1], entries[:-1], _name(path))
    return entries


def _read_motions(path: Path) -> list[Entry]:
    """Motions with their norms; one motion has a row for each sex and age that differ."""
    rows = enumerate(_rows(path), start=2)
    return [read_entry(MotionNorm, _filled(row), _name(path), f"line {i}") for i, row in rows]


def _filled(row: Mapping[str, str]) -> dict[str, object]:
    """The cells that hold something; `paired` as yes or no."""
    filled: dict[str, object] = {name: text for name, text in row.items() if text}
    filled["paired"] = {"yes": True, "no": False}.get(row["paired"], row["paired"])
    for name in ("age_from", "age_to"):
        if row.get(name, "").isdigit():
            filled[name] = int(row[name])
    return filled


def _read_positions(path: Path) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
    """Where each site lies: (id of the drawing, site, side) to x and y in its units."""
    positions = {}
    for i, row in enumerate(_rows(path), start=2):
        try:
            at = read(tuple[Decimal, Decimal], [row["x"], row["y"]], f"line {i}")
        except ShapeError as error:
            raise KnowledgeError(_name(path), str(error)) from error
        positions[row["map"], row["site"], row["side"]] = at
    return positions


def _read_table(kind: type, path: Path) -> list[Entry]:
    """A table whose columns are the fields of a kind."""
    name = _name(path)
    return [read_entry(kind, row, name, f"line {i}") for i, row in enumerate(_rows(path), start=2)]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, restkey="", strict=True)
        rows = list(reader)
    for i, row in enumerate(rows, start=2):
        if "" in row or None in row.values():
            raise KnowledgeError(_name(path), f"line {i}: as many cells as the header, please")
    return rows


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"

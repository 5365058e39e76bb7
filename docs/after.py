"""The reference page of the days after a session: the aftercare sheet, and adverse events."""

from collections.abc import Callable, Iterable

from enthesis.knowledge.kinds import Knowledge

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def page(known: Knowledge, table: Table, notice: str) -> str:
    """Every line of the sheet, and all that an adverse event may be called, with its source."""
    lines = table(
        ["part", "line", "where injected", "when", "warning sign", "source"],
        (
            (
                line.part,
                line.text,
                ", ".join(line.regions) or "anywhere",
                ", ".join(line.when) or "always",
                line.danger,
                line.source,
            )
            for line in known.aftercare_texts
        ),
    )
    pills = table(
        ["choice", "what the patient reads", "source"],
        ((one.name, one.text, one.source) for one in known.pain_pill_choices.values()),
    )
    kinds = table(
        ["kind", "meaning", "begun from", "source"],
        (
            (one.name, one.text, ", ".join(one.dangers), one.source)
            for one in known.adverse_kinds.values()
        ),
    )
    grades = table(
        ["grade", "name", "meaning", "source"],
        ((one.grade, one.name, one.text, one.source) for one in known.adverse_grades),
    )
    outcomes = table(
        ["outcome", "goes on", "source"],
        (
            (one.name, "yes" if one.goes_on else "", one.source)
            for one in known.adverse_outcomes.values()
        ),
    )
    relations = table(
        ["judgement", "meaning", "source"],
        ((one.name, one.text, one.source) for one in known.adverse_relations.values()),
    )
    rules = known.adverse_rules
    return (
        f"# Aftercare and adverse events\n\n{notice}\n\nNothing here has been reviewed by a "
        "clinician outside the project. Of lines about one warning sign, the first that fits is "
        "said; where the places are not known, a line for any place fits.\n\n"
        f"## The sheet\n\n{lines}\n\n## Pain pills\n\nThe clinic "
        f"chooses; clinics disagree.\n\n{pills}\n\n## Adverse events: kinds\n\n{kinds}\n\n"
        f"## Grades\n\n{grades}\n\nSerious from grade {rules.serious_from_grade} on, and else "
        f"where this holds: {rules.serious_means}. {rules.source}.\n\n## Outcomes\n\n{outcomes}"
        f"\n\n## Relatedness\n\nJudged by somebody who did not inject.\n\n{relations}\n"
    )

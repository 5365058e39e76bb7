"""Weighing the choices: what matters to a patient beside what is known of each option, and whether
it was understood.

(decision aid, what was tapped, words) → what to show. Nothing is added up and no option is picked:
a score would hide whose weights it holds. All is read off the aid's record, so that the right
answers change with the evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from enthesis.journey.decide import DecisionAid, Option, Scale
from enthesis.journey.lines import Lines

MOST = 10
"""How much something can matter; 0 is not at all."""
CERTAINTIES = ("certainty-high", "certainty-moderate", "certainty-low", "certainty-very-low")


@dataclass(frozen=True, slots=True)
class Weighed:
    """One thing that matters, how much (0 to 10), and by option what is known of it."""

    name: str
    given: int
    beside: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One question on what was read. `options` are (value, words); `because` says it whole."""

    id: str
    text: str
    options: tuple[tuple[str, str], ...]
    right: str
    because: str

    @property
    def right_words(self) -> str:
        """The right answer, without the full stop that it may end in."""
        return dict(self.options)[self.right].removesuffix(".")


def values(said: Lines) -> tuple[tuple[str, str], ...]:
    """(id, words) of what may matter, in order."""
    return tuple((id, said.line(f"value-{id}")) for id in said.known.choice_rules.values)


def questions(said: Lines) -> tuple[tuple[str, str], ...]:
    """(id, words) of what can be asked at the visit."""
    return tuple((id, said.line(f"ask-{id}")) for id in said.known.choice_rules.questions)


def given_values(said: Lines, tapped: Mapping[str, str]) -> dict[str, int]:
    """How much each matters, the most first; what has no whole number from 0 to 10 is left out."""
    numbers = {str(n): n for n in range(MOST + 1)}
    found = {id: numbers[tapped[id]] for id, _ in values(said) if tapped.get(id) in numbers}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def weighed(aid: DecisionAid, given: Mapping[str, int], said: Lines) -> tuple[Weighed, ...]:
    """Each thing that matters beside what is known of every option; what matters 0 is left out."""
    fields = said.known.choice_rules.values
    return tuple(
        Weighed(
            said.line(f"value-{id}"),
            number,
            tuple((one.name, _told(one, fields[id])) for one in aid.options),
        )
        for id, number in given.items()
        if number
    )


def _told(option: Option, field: str) -> tuple[str, ...]:
    told = getattr(option, field)
    return (told,) if isinstance(told, str) else tuple(told)


def know_items(aid: DecisionAid, said: Lines) -> tuple[Item, ...]:
    """A few questions on what the aid says: our own, not validated."""
    option = next(one for one in aid.options if one.id == "prolotherapy")
    return (
        _hundred(aid, option, said),
        _sure(option, said),
        _said("harm", ("right", "never", "often"), said, said.line("unknown-harm")),
        _said("fails", ("back", "right", "none"), said, said.line("fails-spent")),
    )


def _hundred(aid: DecisionAid, option: Option, said: Lines) -> Item:
    """The people of 100 on the first scale on which prolotherapy stands; else that it is unknown.
    The other answers are those of the scale's other bars, and all."""
    counted = ((one, n) for one in aid.scales for n in [_with_prolotherapy(one)] if n is not None)
    scale, number = next(counted, (None, None))
    if scale is None:
        return Item(
            "hundred",
            said.line("know-hundred-none"),
            tuple((id, said.line(f"know-{id}")) for id in ("half", "not-known", "all")),
            right="not-known",
            because=said.line("scale-none"),
        )
    offered = sorted({100, *(bar.of_100 for bar in scale.bars)})
    return Item(
        "hundred",
        said.line("know-hundred", scale=scale.title),
        tuple((str(n), f"{n} {said.line('of-100')}") for n in offered),
        right=str(number),
        because=option.hundred[0],
    )


def _with_prolotherapy(scale: Scale) -> int | None:
    if scale.is_harm:
        return None
    return next((bar.of_100 for bar in scale.bars if bar.option == "prolotherapy"), None)


def _sure(option: Option, said: Lines) -> Item:
    offered = tuple((id, said.line(id)) for id in (*CERTAINTIES, "sure-none"))
    right = next(id for id, words in offered if words == option.sure)
    return Item("sure", said.line("know-sure"), offered, right, because="")


def _said(id: str, answers: tuple[str, ...], said: Lines, because: str) -> Item:
    offered = tuple((one, said.line(f"know-{id}-{one}")) for one in answers)
    return Item(id, said.line(f"know-{id}"), offered, "right", because)

"""The true parameters of the invented clinic, read from `truth.toml` beside this file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib import resources

from enthesis import shape


@dataclass(frozen=True, slots=True)
class Parameter:
    """One true number. `why` says what it does to the invented people."""

    value: Decimal
    unit: str
    why: str


@dataclass(frozen=True, slots=True)
class Truth:
    """All true parameters by group and name; `truth("pain.usual_mean")` is one number."""

    groups: Mapping[str, Mapping[str, Parameter]]

    def __call__(self, name: str) -> float:
        group, _, key = name.partition(".")
        return float(self.groups[group][key].value)

    def changed(self, values: Mapping[str, float]) -> "Truth":
        """The same truth with other numbers: `changed({"specific.share_late": 0})`."""
        groups = {name: dict(group) for name, group in self.groups.items()}
        for name, value in values.items():
            group, _, key = name.partition(".")
            groups[group][key] = replace(groups[group][key], value=Decimal(str(value)))
        return Truth(groups)


@cache
def shipped_truth() -> Truth:
    """The truth that ships; raises shape.ShapeError with the place of a mistake in the file."""
    text = (resources.files(__package__) / "truth.toml").read_text(encoding="utf-8")
    return shape.read(Truth, {"groups": tomllib.loads(text)})

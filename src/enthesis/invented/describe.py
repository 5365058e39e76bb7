"""The page of the invented clinic's truth: python -m enthesis.invented.describe > docs/…

The page is made from `truth.toml`; a test fails when the page in docs/ is stale.
"""

import sys

from enthesis.invented.truth import Truth, shipped_truth

HEAD = """\
# The invented clinic, and what is true of it

<!-- Made from src/enthesis/invented/truth.toml by `python -m enthesis.invented.describe`. -->

The first start of Enthesis shows **Harbour Clinic**. Nobody in it exists. Its patients come out
of a seeded simulator (`enthesis demo --seed 1`): the same seed and the same day give the same
clinic to the byte. Because we wrote down what is true of these people, an estimate made from
their records can be held against the truth. None of the numbers below was measured, and none says
that prolotherapy works.

## How a person's pain comes about

1. Everybody has a *usual pain*. **Time alone** takes some of it away, or adds to it.
2. Good and bad weeks, and flares, go around that level. **People come in bad weeks**: part of
   every improvement after the first visit is only the bad week passing (regression to the mean).
3. Being treated at all brings some relief that fades (**context**).
4. In *true responders* each session also takes away a share of what is left (**specific
   effect**); in late starters nothing happens before the fourth.
5. Answers are rounded to whole numbers, with error. Some are missing, and missing more often when
   people are well.

A person is a **true responder** when the specific effect at session six is at least 30 % against
the same person with needles that do nothing specific. The simulator keeps this beside the records
(`Story.latent`); no database ever holds it.

Without the specific effect the pain was fitted by hand to the saline and usual-care arms of a
published trial in chronic back pain (Ashar 2022, 0–10 scale, from the second of two baselines). A
test holds the comparison:

| | trial: 5 weeks | invented | trial: 12 months | invented |
|---|---|---|---|---|
| mean pain, of the baseline | 0.81 | 0.79 | 0.77 | 0.77 |
| improved by 30 % or more | 38 % | 36 % | 42 to 49 % | 43 % |
| worse than at baseline | 15 % | 13 % | 19 % | 17 % |
| correlation with the baseline | 0.62 | 0.62 | 0.50 | 0.54 |

The clinicians follow the rules of Enthesis and decide otherwise now and then. The two of them
have the same true results: a difference between them is chance. The people whom today's page
shows (its visits and one worry) are drawn again until they fit, some from a truth bent towards
it, so that the page is alive on any day: leave them out of estimates
(`InventedClinic.for_today`).

## Every true parameter
"""


def page(truth: Truth) -> str:
    """The whole page as Markdown."""
    lines = [HEAD]
    for group, parameters in truth.groups.items():
        lines += [f"### {group}", "", "| parameter | value | unit | what it does |"]
        lines += ["|---|---|---|---|"]
        lines += [f"| `{n}` | {p.value} | {p.unit} | {p.why} |" for n, p in parameters.items()]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page(shipped_truth()))

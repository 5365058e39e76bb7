"""The numbers of a topic to take away: a CSV file, and the R script that does the same sums."""

import csv
import io

from enthesis.evidence.answer import Answer, TopicAnswer
from enthesis.evidence.trials import Trial

COLUMNS = (
    "question",
    "study",
    "paper",
    "counted",
    "measure",
    "unit",
    "weeks",
    "people_1",
    "people_2",
    "estimate",
    "se",
    "ci_low",
    "ci_high",
    "shown_only",
    "sources",
)

R_SCRIPT = """\
# The numbers of the figures on {name}, worked out again with R's metafor.
# Save {file}.csv beside this file; install.packages("metafor") if you have not.
library(metafor)
trials <- read.csv("{file}.csv", fileEncoding = "UTF-8")
for (question in unique(trials$question)) {{
  these <- trials[trials$question == question, ]
  counted <- these[these$counted == "yes", ]
  cat("\\n", question, "\\n", sep = "")
  print(these[, c("study", "counted", "estimate", "ci_low", "ci_high")], row.names = FALSE)
  if (nrow(counted) < {enough}) {{
    cat("fewer than {enough} counted trials: not pooled\\n")
    next
  }}
  pooled <- rma(yi = estimate, sei = se, slab = study, data = counted,
                method = "REML", test = "adhoc")
  print(predict(pooled), digits = 6)
  print(summary(pooled), digits = 6)
  forest(pooled, addpred = TRUE, header = question)
}}
"""


def as_csv(found: TopicAnswer) -> str:
    """Every trial of every question; `enthesis pool` reads it too (keep the counted of one)."""
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows(_row(answer, one) for answer in found.answers for one in answer.trials)
    return out.getvalue()


def as_r_script(found: TopicAnswer, trials_to_pool: int) -> str:
    """A script that reads the CSV and gives the figure's numbers."""
    topic = found.topic
    return R_SCRIPT.format(name=topic.name, file=topic.id, enough=trials_to_pool)


def _row(answer: Answer, one: Trial) -> tuple[object, ...]:
    synthesis = answer.synthesis
    return (
        synthesis.id,
        one.name,
        one.paper,
        "yes" if one.is_counted else "no",
        synthesis.measure,
        synthesis.unit,
        f"{one.weeks.normalize():f}",
        *("" if n is None else n for n in one.people),
        *(repr(number) for number in (one.estimate, one.se, one.ci_low, one.ci_high)),
        one.shown_only,
        " ".join(one.sources),
    )

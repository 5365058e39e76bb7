# The cohort table by data.table, on the columns that cohort.py wrote: Rscript cohort.R FOLDER
# Reading (fread of CSV) is before the clock: data.table does not read Parquet.
suppressMessages({library(data.table); library(jsonlite)})
folder <- commandArgs(trailingOnly = TRUE)[1]
setDTthreads(0)
courses <- fread(file.path(folder, "courses.csv"))
visits <- fread(file.path(folder, "visits.csv"))
by <- c("clinic", "condition", "measure")
work <- function() {
  began <- courses[began == 1L, .(course, clinic, condition, measure, over = window_closed)]
  met <- visits[!is.na(window)][began, on = "course", nomatch = NULL]
  met[, `:=`(relief = as.numeric(relief), gained = as.numeric(gained), pain = as.numeric(pain))]
  met[, `:=`(early = window > fcoalesce(over, -1L), r2 = relief * relief, g2 = gained * gained, p2 = pain * pain,
             has_score = !is.na(score), has_relief = !is.na(relief), has_gained = !is.na(gained), has_pain = !is.na(pain),
             seen_day = fifelse(is.na(score), NA_real_, as.numeric(day)),
             r30 = relief >= 3000, r50 = relief >= 5000, r90 = relief >= 9000)]
  # sum of a bare column is what data.table groups fastest (GForce)
  found <- met[, .(early = sum(early), answered = sum(has_score), measurable = sum(has_relief),
                   reached_30 = sum(r30, na.rm = TRUE), reached_50 = sum(r50, na.rm = TRUE), reached_90 = sum(r90, na.rm = TRUE),
                   with_change = sum(has_gained), with_pain = sum(has_pain),
                   sum_gained = sum(gained, na.rm = TRUE), sum_gained_squared = sum(g2, na.rm = TRUE),
                   sum_relief = sum(relief, na.rm = TRUE), sum_relief_squared = sum(r2, na.rm = TRUE),
                   sum_pain = sum(pain, na.rm = TRUE), sum_pain_squared = sum(p2, na.rm = TRUE),
                   sum_day = sum(seen_day, na.rm = TRUE)),
               by = c(by, "window")]
  list(found = found, over = began[, .(courses = .N), by = c(by, "over")])
}
answer <- NULL
times <- sapply(1:6, function(i) {start <- proc.time(); answer <<- work(); (proc.time() - start)[["elapsed"]]})
found <- answer$found
over <- answer$over[!is.na(over)]
# Due in window w: whose last window over is w or later, and the early.
due <- sum(over$courses * (over$over + 1) * (over$over + 2) / 2) + sum(found$early * (1 + found$window))
total <- function(name) sum(as.numeric(found[[name]]) * (1 + found$window))
names <- c("answered", "measurable", "reached_30", "reached_50", "reached_90", "with_change",
           "sum_gained", "sum_gained_squared", "sum_relief", "sum_pain", "sum_day")
said <- c(list(due = due), setNames(lapply(names, total), names))
cat(toJSON(list(version = as.character(packageVersion("data.table")), first = times[1], seconds = median(times[-1]), said = said),
           auto_unbox = TRUE, digits = I(17)), "\n")

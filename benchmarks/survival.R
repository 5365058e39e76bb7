# KM + log-rank + Cox by R's survival, on the binary columns that survival.py wrote.
suppressMessages({library(survival); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
n <- as.integer(arguments[2])
column <- function(name) readBin(file.path(arguments[1], name), "integer", n, size = 4)
d <- data.frame(day = column("day"), end = column("end"), arm = factor(column("arm")), grade = column("grade"), clinic = column("clinic"))
used <- function(work) {start <- proc.time(); value <- work(); list(seconds = sum((proc.time() - start)[1:2]), value = value)}
km <- used(function() survfit(Surv(day, end == 1) ~ arm, d, conf.type = "log-log"))
test <- used(function() survdiff(Surv(day, end == 1) ~ arm, d))
cox <- used(function() coxph(Surv(day, end == 1) ~ arm + grade + clinic, d, ties = "efron"))
cat(toJSON(list(version = as.character(packageVersion("survival")), km = km$seconds, log_rank = test$seconds, cox = cox$seconds,
                last = tail(km$value$surv, 1), chi2 = test$value$chisq, coefficients = unname(coef(cox$value))), auto_unbox = TRUE, digits = 15), "\n")

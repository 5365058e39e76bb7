# Random intercept and slope by lme4, on the binary columns that random_slopes.py wrote.
suppressMessages({library(lme4); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
rows <- as.integer(arguments[2])
column <- function(name) readBin(file.path(arguments[1], name), "integer", rows, size = 4)
d <- data.frame(course = column("course"), day = column("day") / 128, arm = column("arm"), pain = column("pain"))
used <- function(work) {start <- proc.time(); value <- work(); list(seconds = sum((proc.time() - start)[1:2]), value = value)}
# As it is called, and without the derivatives that it takes afterwards only to check itself.
usual <- used(function() lmer(pain ~ arm * day + (1 + day | course), d))
quick <- used(function() lmer(pain ~ arm * day + (1 + day | course), d, control = lmerControl(calc.derivs = FALSE)))
fit <- usual$value
cat(toJSON(list(version = as.character(packageVersion("lme4")), seconds = usual$seconds, quick = quick$seconds, deviance = -2 * as.numeric(logLik(fit)),
                coefficients = unname(fixef(fit)), se = unname(sqrt(diag(as.matrix(vcov(fit)))))), auto_unbox = TRUE, digits = 15), "\n")

# One repeated-measures model by nlme::gls or glmmTMB, on the CSV that repeated_measures.py wrote.
arguments <- commandArgs(trailingOnly = TRUE)
package <- arguments[2]
suppressMessages({library(package, character.only = TRUE); library(jsonlite)})
d <- read.csv(arguments[1], stringsAsFactors = TRUE)
d$visit <- factor(d$window); d$course <- factor(d$course); d$place <- d$window + 1
formula <- pain ~ 0 + visit + condition + protocol + sex
start <- proc.time()
fit <- if (package == "nlme") {
  gls(formula, d, correlation = corSymm(form = ~ place | course), weights = varIdent(form = ~ 1 | visit), method = "REML")
} else {
  suppressWarnings(glmmTMB(update(formula, . ~ . + us(0 + visit | course)), d, dispformula = ~ 0, REML = TRUE))
}
seconds <- (proc.time() - start)[["elapsed"]]
estimates <- if (package == "nlme") coef(fit) else fixef(fit)$cond
cat(toJSON(list(version = as.character(packageVersion(package)), seconds = seconds, deviance = -2 * as.numeric(logLik(fit)),
                coefficients = unname(estimates)), auto_unbox = TRUE, digits = 15), "\n")

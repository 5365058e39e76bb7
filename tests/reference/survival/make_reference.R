# Writes reference.json: what R's survival (and cmprsk) say of how courses ended.
#
#   apt-get install r-base-core r-cran-survival r-cran-jsonlite   (Debian 12)
#   Rscript make_reference.R reference.json
#
# Ends are 0 still going on, 1 reached the target, 2 stopped, 3 referred. Days are whole and tied.

suppressMessages({library(survival); library(jsonlite)})
set.seed(20261126)

invented <- function(n, days, kinds) {
  group <- sample(0:2, n, replace = TRUE)
  clinic <- sample(0:1, n, replace = TRUE)
  age <- sample(0:3, n, replace = TRUE)
  rate <- exp(-0.4 * (group == 1) + 0.3 * clinic + 0.15 * age)
  first <- pmax(1, ceiling(rexp(n, rate / days)))
  end <- sample(0:kinds, n, replace = TRUE, prob = c(0.25, 0.4, 0.25, 0.1)[1:(kinds + 1)])
  data.frame(day = pmin(first, 3 * days), end = ifelse(first > 3 * days, 0, end), group, clinic, age)
}

curves <- function(fit, columns) lapply(split(seq_along(fit$time), rep(seq_along(fit$strata), fit$strata)), function(at)
  c(list(day = fit$time[at]), lapply(columns, function(column) if (is.matrix(fit[[column]])) unname(fit[[column]][at, ]) else fit[[column]][at])))

answer <- function(name, d) {
  kinds <- max(d$end)
  km <- survfit(Surv(day, end > 0) ~ group, d, conf.type = "log-log")
  aj <- survfit(Surv(day, factor(end, 0:kinds)) ~ group, d, conf.type = "log-log")
  named <- c(at_risk = "n.risk", share = if (kinds) "surv", se = "std.err", low = "lower", high = "upper")
  test <- function(formula) {fit <- survdiff(formula, d); list(observed = as.matrix(fit$obs), expected = as.matrix(fit$exp), variance = fit$var, chi2 = fit$chisq)}
  cox <- function(formula) {
    fit <- coxph(formula, d, ties = "efron", control = coxph.control(eps = 1e-14, iter.max = 50, toler.chol = 1e-15))
    list(coefficients = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))), log_likelihood = fit$loglik)
  }
  quantiles <- lapply(c(0.25, 0.5, 0.75), function(q) {x <- quantile(km, q); cbind(x$quantile, x$lower, x$upper)})
  list(name = name, day = d$day, end = d$end, group = d$group, clinic = d$clinic, age = d$age,
       kaplan_meier = curves(km, named), incidence = curves(aj, c(share = "pstate", se = "std.err", low = "lower", high = "upper")),
       quantiles = lapply(quantiles, unname),
       log_rank = test(Surv(day, end == 1) ~ group), stratified = test(Surv(day, end == 1) ~ group + strata(clinic)),
       cox = cox(Surv(day, end == 1) ~ factor(group) + age), cox_stratified = cox(Surv(day, end == 1) ~ factor(group) + age + strata(clinic)),
       cox_any = cox(Surv(day, end > 0) ~ factor(group) * clinic))
}

lung_like <- with(subset(lung, !is.na(ph.ecog)), data.frame(day = time, end = ifelse(status == 2, 1 + (sex == 2 & age > 65), 0),
                  group = pmin(ph.ecog, 2), clinic = sex - 1, age = pmin(3, pmax(0, floor((age - 40) / 10)))))
written <- list(
  made_with = list(R = paste(R.version$major, R.version$minor, sep = "."), survival = as.character(packageVersion("survival"))),
  cases = list(answer("small", invented(60, 10, 3)), answer("sessions", invented(400, 4, 3)), answer("days", invented(300, 200, 2)),
               answer("one kind", invented(200, 30, 1)), answer("lung", lung_like), answer("many ties", invented(1500, 2, 3))))
write(toJSON(written, digits = 17, auto_unbox = TRUE, na = "null"), commandArgs(trailingOnly = TRUE)[1])

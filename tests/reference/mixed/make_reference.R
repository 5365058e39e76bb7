# Writes reference.json: what lme4 and lmerTest say of the random-slope model.
#
#   apt-get install r-base-core r-cran-lme4 r-cran-lmertest r-cran-nlme r-cran-jsonlite   (Debian 12)
#   Rscript make_reference.R reference.json            the pinned sets
#   Rscript make_reference.R fresh.json 60 7           60 invented sets of seed 7 (fresh.py)
#
# At the same parameters (theta, the Cholesky factor relative to sigma) every digit must agree. At
# lme4's own optimum only its likelihood counts: its optimisers stop early.

suppressMessages({library(lme4); library(lmerTest); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
count <- if (length(arguments) > 1) as.integer(arguments[2]) else 28
set.seed(if (length(arguments) > 2) as.integer(arguments[3]) else 20261126)

THETAS <- list(c(1, 0, 1), c(0.7, -0.2, 0.05), c(2, 0.5, 0), c(0, 0, 0), c(0, 0.3, 0.2))
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-11, maxfun = 50000), calc.derivs = FALSE,
                     check.conv.singular = "ignore", check.nobs.vs.nRE = "ignore", check.scaleX = "ignore")
loose <- lmerControl(check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore",
                     check.nobs.vs.nRE = "ignore", check.scaleX = "ignore")

# Of the given kind of spread between lines: full, none, intercepts or slopes only, on one line, hardly any.
invented <- function(kind) {
  k <- sample(c(8, 15, 30, 60), 1)
  n <- sample(1:7, k, replace = TRUE, prob = c(1, 1, 2, 3, 3, 2, 2)); n[1:3] <- 5
  subject <- rep(seq_len(k), n)
  time <- sample(0:90, length(subject), replace = TRUE) + sample(c(0, 0, 400), 1)
  arm <- rep(rbinom(k, 1, 0.5), n); arm[subject == 1] <- 1; arm[subject == 2] <- 0
  L <- switch(kind, full = matrix(c(1.2, 0.01, 0, 0.02), 2), none = matrix(0, 2, 2),
              intercepts = matrix(c(1, 0, 0, 0), 2), slopes = matrix(c(0, 0.03, 0, 0), 2),
              line = matrix(c(1, -0.02, 0, 0), 2), hardly = matrix(c(0.2, 0, 0, 0.003), 2))
  b <- matrix(rnorm(2 * k), k) %*% t(L)
  outcome <- round(6 - 0.02 * time + 0.4 * arm + b[subject, 1] + b[subject, 2] * time + rnorm(length(time)), 2)
  data.frame(subject, time, outcome, arm)
}

at <- function(structure, frame, theta, REML) {
  f <- if (REML) mkLmerDevfun else function(...) mkLmerDevfun(..., REML = FALSE)
  fun <- do.call(f, structure[c("fr", "X", "reTrms")])
  value <- fun(theta)
  fit <- mkMerMod(environment(fun), list(par = theta, fval = value, conv = 0, feval = 1), structure$reTrms, structure$fr)
  lines <- ranef(fit, condVar = TRUE)[[1]]
  list(theta = theta, deviance = value, coefficients = unname(fixef(fit)), se = unname(sqrt(diag(as.matrix(vcov(fit))))),
       sigma = sigma(fit), deviations = unname(as.matrix(lines))[1:3, ], spread = attr(lines, "postVar")[, , 1])
}

answer <- function(name, frame, formula) {
  structure <- lFormula(formula, frame, REML = TRUE, control = loose)
  answers <- lapply(c(reml = TRUE, ml = FALSE), function(REML) {
    fit <- lmer(formula, frame, REML = REML, control = tight)
    usual <- lmer(formula, frame, REML = REML, control = loose)
    best <- function(f) -2 * as.numeric(logLik(f))
    df <- rep(NA, ncol(structure$X))
    # lmerTest warns where its numerical derivatives fail; such df are no reference.
    if (!isSingular(fit, 1e-3)) df <- tryCatch(coef(summary(as_lmerModLmerTest(fit)))[, "df"], warning = function(w) df)
    list(at = lapply(THETAS, function(theta) at(structure, frame, theta, REML)),
         best = min(best(fit), best(usual)), singular = isSingular(fit, 1e-3), df = unname(df),
         coefficients = unname(fixef(fit)), se = unname(sqrt(diag(as.matrix(vcov(fit))))),
         covariance = unname(matrix(VarCorr(fit)[[1]], 2)), sigma = sigma(fit))
  })
  list(name = name, names = colnames(structure$X), subject = frame$subject, time = frame$time, outcome = frame$outcome,
       design = unname(structure$X), answers = answers)
}

orthodont <- with(nlme::Orthodont, data.frame(subject = as.integer(factor(as.character(Subject))), time = age,
                                              outcome = distance, arm = as.integer(Sex == "Female")))
sleep <- with(sleepstudy, data.frame(subject = as.integer(Subject), time = Days, outcome = Reaction))
kinds <- c("full", "none", "intercepts", "slopes", "line", "hardly", "full")
cases <- lapply(seq_len(count), function(i) {
  kind <- kinds[(i - 1) %% length(kinds) + 1]
  answer(paste(i, kind), invented(kind), outcome ~ arm * time + (1 + time | subject))
})
if (length(arguments) < 3) cases <- c(cases, list(
  answer("sleepstudy", sleep, outcome ~ time + (1 + time | subject)),
  answer("Orthodont", orthodont, outcome ~ arm * time + (1 + time | subject))))
version <- function(name) as.character(packageVersion(name))
written <- list(made_with = list(R = paste(R.version$major, R.version$minor, sep = "."), lme4 = version("lme4"),
                                 lmerTest = version("lmerTest")), cases = cases)
write(toJSON(written, digits = 17, auto_unbox = TRUE, na = "null"), arguments[1])

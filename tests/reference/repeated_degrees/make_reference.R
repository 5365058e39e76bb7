# Writes reference.json: degrees of freedom and adjusted covariances of repeated measures with any
# covariance between visits, by pbkrtest (Kenward and Roger) and lmerTest (Satterthwaite).
#
#   apt-get install r-cran-lme4 r-cran-lmertest r-cran-pbkrtest r-cran-jsonlite      (Debian 12)
#   Rscript make_reference.R           in this folder; reads ../repeated/fev_data.csv
#
# lmer has no unstructured residuals. A random effect per visit and a residual variance say the same,
# with one parameter too many; lme4 must be told to allow it, and both packages take a generalised
# inverse of the singular information, which leaves df and covariances as they are.
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite)})
set.seed(20261127)

invented <- function(n, m) {
  root <- matrix(rnorm(m * m), m) / 3 + diag(m)
  y <- 5 + 2 * matrix(rnorm(n * m), n) %*% root
  arm <- rep(0:1, length.out = n); age <- sample(30:80, n, replace = TRUE)
  gone <- matrix(runif(n * m) < 0.2, n); gone[, 1] <- FALSE; y[gone] <- NA
  data.frame(id = rep(seq_len(n), each = m), visit = rep(seq_len(m), n), arm = rep(arm, each = m), age = rep(age, each = m),
             score = round(as.vector(t(y))))
}

answer <- function(name, frame, formula) {
  frame <- frame[!is.na(frame$score), ]
  frame$visit <- factor(frame$visit); frame$id <- factor(frame$id)
  allow <- lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-10, ftol_abs = 1e-11, maxeval = 5000), calc.derivs = FALSE,
                       check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore")
  fit <- suppressWarnings(lmerTest::lmer(update(formula, . ~ . + (0 + visit | id)), frame, control = allow))
  sigma <- unclass(VarCorr(fit)$id)[seq_len(nlevels(frame$visit)), seq_len(nlevels(frame$visit))] + sigma(fit)^2 * diag(nlevels(frame$visit))
  p <- length(fixef(fit)); adjusted <- vcovAdj(fit)
  contrasts <- rbind(diag(p), rep(1, p), c(1, rep(0, p - 2), -1))
  kr <- sapply(seq_len(nrow(contrasts)), function(i) {l <- contrasts[i, ]; c(sum(l * (as.matrix(adjusted) %*% l)), Lb_ddf(l, vcov(fit), adjusted))})
  satterthwaite <- suppressWarnings(sapply(seq_len(nrow(contrasts)), function(i) contest1D(fit, contrasts[i, ])$df))
  list(name = name, rows = frame[c("id", "visit", "arm", "age", "score")], names = names(fixef(fit)), sigma = unname(sigma),
       deviance = -2 * as.numeric(logLik(fit, REML = TRUE)), coefficients = unname(fixef(fit)), contrasts = contrasts,
       plain = unname(apply(contrasts, 1, function(l) sum(l * (as.matrix(vcov(fit)) %*% l)))),
       kenward_roger = list(variance = kr[1, ], df = kr[2, ]), satterthwaite = satterthwaite)
}

fev <- read.csv("../repeated/fev_data.csv")
fev <- data.frame(id = fev$USUBJID, visit = fev$AVISIT, arm = as.integer(fev$ARMCD == "TRT"), age = fev$FEV1_BL, score = fev$FEV1)
cases <- list(answer("fev", fev, score ~ arm + age),
              answer("three visits", invented(24, 3), score ~ arm + age),
              answer("four visits", invented(30, 4), score ~ arm + age),
              answer("each visit", invented(40, 3), score ~ visit * arm + age),
              answer("five visits", invented(60, 5), score ~ visit + arm))
version <- function(name) as.character(packageVersion(name))
made <- list(R = R.version.string, lme4 = version("lme4"), lmerTest = version("lmerTest"), pbkrtest = version("pbkrtest"))
writeLines(toJSON(list(made_with = made, cases = cases), digits = NA, auto_unbox = TRUE, matrix = "rowmajor"), "reference.json")

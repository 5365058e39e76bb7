# Writes reference.json: what nlme::gls and emmeans say of the repeated-measures model.
#
#   apt-get install r-cran-nlme r-cran-emmeans r-cran-jsonlite      (Debian 12)
#   Rscript make_reference.R
suppressMessages({library(nlme); library(emmeans); library(jsonlite)})
set.seed(20261126)

# Integer pain at 4 or 5 visits with dropout, two arms and an age.
invented <- function(n, m) {
  root <- matrix(rnorm(m * m), m) / 2 + diag(m)
  arm <- rep(c("a", "b"), length.out = n); age <- sample(30:80, n, replace = TRUE)
  y <- 5 + matrix(rnorm(n * m), n) %*% root + outer(arm == "b", -seq_len(m) / 5)
  gone <- matrix(runif(n * m) < 0.2, n); gone[, 1] <- FALSE; y[gone] <- NA
  frame <- data.frame(id = rep(seq_len(n), each = m), visit = rep(seq_len(m), n), arm = rep(arm, each = m),
                      age = rep(age, each = m), score = round(as.vector(t(y))))
  frame
}

answer <- function(name, frame, formula, method) {
  frame <- frame[!is.na(frame$score), ]
  frame$place <- as.integer(factor(frame$visit)); frame$visit <- factor(frame$visit)
  fit <- gls(formula, frame, correlation = corSymm(form = ~ place | id), weights = varIdent(form = ~ 1 | visit),
             method = method, control = glsControl(maxIter = 500, msMaxIter = 500, tolerance = 1e-10, msTol = 1e-12, returnObject = TRUE))
  full <- names(which.max(table(frame$id)))
  whole <- frame$id == full; stopifnot(sum(whole) == nlevels(frame$visit))
  ratios <- c(1, coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = FALSE)); names(ratios)[1] <- levels(frame$visit)[1]
  first <- setdiff(levels(frame$visit), names(coef(fit$modelStruct$varStruct, unconstrained = FALSE)))
  names(ratios)[1] <- first
  sds <- fit$sigma * ratios[levels(frame$visit)]
  cor <- as.matrix(corMatrix(fit$modelStruct$corStruct)[[full]])
  means <- if ("arm" %in% all.vars(formula) && "visit" %in% all.vars(formula))
    as.data.frame(emmeans(fit, ~ arm * visit, mode = "df.error", data = frame)) else NULL
  list(name = name, method = method, formula = deparse(formula[[3]]), rows = frame[c("id", "visit", "arm", "age", "score")],
       minus2 = -2 * as.numeric(logLik(fit)), names = names(coef(fit)), coefficients = unname(coef(fit)),
       se = unname(sqrt(diag(vcov(fit)))), covariance = unname(outer(sds, sds) * cor),
       means = if (is.null(means)) NULL else list(arm = means$arm, visit = means$visit, mean = means$emmean, se = means$SE))
}

fev <- read.csv("fev_data.csv")
fev <- data.frame(id = fev$USUBJID, visit = fev$AVISIT, arm = ifelse(fev$ARMCD == "PBO", "a", "b"), age = fev$FEV1_BL, score = fev$FEV1)
cases <- list()
for (method in c("REML", "ML")) {
  cases <- c(cases, list(answer("fev", fev, score ~ arm * visit, method), answer("fev", fev, score ~ arm + age, method)))
  for (i in 1:4) {
    frame <- invented(c(40, 60, 90, 150)[i], c(4, 5, 4, 5)[i])
    cases <- c(cases, list(answer(paste0("made", i), frame, score ~ arm * visit + age, method)))
  }
}
versions <- list(R = R.version.string, nlme = as.character(packageVersion("nlme")), emmeans = as.character(packageVersion("emmeans")))
writeLines(toJSON(list(made_with = versions, cases = cases), digits = NA, auto_unbox = TRUE), "reference.json")

# Writes reference.json: what R's glm and ordinal's clm say of counting tables.
#
#   apt-get install r-base-core r-cran-ordinal r-cran-jsonlite   (Debian 12)
#   Rscript make_reference.R reference.json

suppressMessages({library(ordinal); library(jsonlite)})
set.seed(20261126)

invented <- function(n, levels, cuts, scale) {
  arm <- rbinom(n, 1, 0.5); grade <- sample(0:3, n, replace = TRUE); age <- round(rnorm(n, 50, 12))
  line <- scale * (0.6 * arm - 0.3 * grade + 0.02 * (age - 50)) + rlogis(n)
  data.frame(arm, grade, age, level = findInterval(line, cuts))
}

answer <- function(name, d, formula) {
  d$reached <- as.integer(d$level > 0)
  tight <- list(epsilon = 1e-15, maxit = 100)
  l <- suppressWarnings(glm(update(formula, reached ~ .), binomial, d, control = tight))
  o <- clm(update(formula, factor(level) ~ .), data = d, control = clm.control(gradTol = 1e-10, maxIter = 200))
  X <- unname(model.matrix(l))
  list(name = name, names = names(coef(l)), design = X, level = d$level, levels = length(unique(d$level)),
       logistic = list(coefficients = unname(coef(l)), se = unname(sqrt(diag(vcov(l)))), log_likelihood = as.numeric(logLik(l))),
       ordinal = list(coefficients = unname(coef(o)), se = unname(sqrt(diag(vcov(o)))), log_likelihood = as.numeric(logLik(o))))
}

written <- list(
  made_with = list(R = paste(R.version$major, R.version$minor, sep = "."), ordinal = as.character(packageVersion("ordinal"))),
  cases = list(
    answer("three levels", invented(200, 3, c(-0.5, 0.7), 1), ~ arm + grade),
    answer("ages", invented(300, 4, c(-1, 0.2, 1.5), 1), ~ arm * grade + age),
    answer("rare", invented(400, 3, c(2.5, 3.5), 1), ~ arm + grade),
    answer("steep", invented(300, 5, c(-4, -1, 1, 4), 4), ~ arm + grade + age)))
write(toJSON(written, digits = 17, auto_unbox = TRUE, na = "null"), commandArgs(trailingOnly = TRUE)[1])

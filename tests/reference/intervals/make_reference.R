# Writes reference.json: what R's prop.test, binom.test and poisson.test say of counts.
#
#   apt-get install r-base-core r-cran-jsonlite   (Debian 12)
#   Rscript make_reference.R reference.json

suppressMessages(library(jsonlite))
limits <- function(test) as.numeric(suppressWarnings(test)$conf.int)
wilson <- function(x, n, level) limits(prop.test(x, n, conf.level = level, correct = FALSE))

shares <- list(c(0, 1), c(1, 1), c(0, 10), c(1, 10), c(10, 10), c(3, 7), c(52, 131), c(1, 5000), c(81234, 200000))
of_share <- function(pair, level) list(reached = pair[1], total = pair[2], level = level,
  wilson = wilson(pair[1], pair[2], level), clopper_pearson = limits(binom.test(pair[1], pair[2], conf.level = level)))

rates <- list(c(0, 100), c(1, 2500), c(3, 3121), c(17, 54321), c(1200, 1e6))
of_rate <- function(pair, level) list(events = pair[1], exposure = pair[2], level = level,
  limits = limits(poisson.test(pair[1], pair[2], conf.level = level)))

# Newcombe's method 10 from R's Wilson limits: base R has no function for it.
pairs <- list(c(56, 70, 48, 80), c(9, 10, 3, 10), c(6, 7, 2, 7), c(5, 56, 0, 29), c(0, 10, 0, 20), c(10, 10, 0, 10))
of_pair <- function(v) { a <- wilson(v[1], v[2], .95); b <- wilson(v[3], v[4], .95); p <- v[1] / v[2]; q <- v[3] / v[4]
  list(counts = v, difference = p - q, low = p - q - sqrt((p - a[1])^2 + (b[2] - q)^2), high = p - q + sqrt((a[2] - p)^2 + (q - b[1])^2)) }

write(toJSON(list(made_with = list(R = paste(R.version$major, R.version$minor, sep = ".")),
  shares = c(lapply(shares, of_share, .95), lapply(shares, of_share, .998)),
  rates = c(lapply(rates, of_rate, .95), lapply(rates, of_rate, .998)),
  differences = lapply(pairs, of_pair)), digits = 17, auto_unbox = TRUE), commandArgs(trailingOnly = TRUE)[1])

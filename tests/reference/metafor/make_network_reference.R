# Writes network.json: network meta-analyses of metadat's arm-level data sets by metafor's rma.mv.
#
#   Rscript make_network_reference.R network.json
#
# Debian 12 has no netmeta; the same model is an arm-based one with a fixed effect per study and
# heterogeneity of correlation 1/2 between the arms of a study (see the help of dat.senn2013).

suppressMessages({library(metafor); library(metadat); library(jsonlite)})

fitted <- function(data, ...) {
  fit <- rma.mv(yi, vi, mods = ~ study + treatment - 1, data = data, ...)
  at <- grep("^treatment", names(coef(fit)))
  list(fit = fit, estimates = unname(coef(fit)[at]), covariance = unname(as.matrix(vcov(fit)[at, at])))
}

answer <- function(name, data, reference) {
  data <- droplevels(data)
  data$study <- factor(data$study)
  data$treatment <- relevel(factor(data$treatment), ref = reference)
  common <- fitted(data)
  given <- fitted(data, random = ~ treatment | study, rho = 1/2, tau2 = 0.1)
  control <- list(optimizer = "nlminb", rel.tol = 1e-10, iter.max = 1000, eval.max = 2000)
  free <- fitted(data, random = ~ treatment | study, rho = 1/2, control = control)
  inputs <- data.frame(study = as.character(data$study), treatment = as.character(data$treatment))
  for (column in c("mean", "sd", "events", "n")) inputs[[column]] <- data[[column]]
  list(name = name, reference = reference, treatments = levels(data$treatment), inputs = as.list(inputs),
       common = c(common[-1], q = common$fit$QE, df = common$fit$k - common$fit$p),
       tau2_one_tenth = given[-1],
       REML = c(free[-1], tau2 = free$fit$tau2))
}

of_means <- function(data) escalc("MN", mi = mean, sdi = sd, ni = n, data = data)
of_events <- function(data) {
  # A study with nobody, or everybody, having the event in all arms says nothing; one with an empty
  # cell gets 1/2 added to all its cells.
  keep <- ave(data$events, data$study, FUN = sum) > 0 & ave(data$n - data$events, data$study, FUN = sum) > 0
  data <- data[keep & ave(data$n, data$study, FUN = length) > 1, ]
  empty <- ave(as.numeric(data$events == 0 | data$events == data$n), data$study, FUN = max) > 0
  yes <- data$events + 0.5 * empty; no <- data$n - data$events + 0.5 * empty
  data$yi <- log(yes / no); data$vi <- 1 / yes + 1 / no
  data
}

senn <- with(dat.senn2013, data.frame(study, treatment, mean = mi, sd = sdi, n = ni))
smoking <- with(dat.hasselblad1998, data.frame(study, treatment = trt, events = xi, n = ni))
bleeding <- with(dat.pagliaro1992, data.frame(study, treatment = trt, events = xi, n = ni))
copd <- with(dat.dong2013, data.frame(study = id, treatment, events = death, n = randomized))
stroke <- with(dat.dogliotti2014, data.frame(study = id, treatment, events = stroke, n = total))
liver <- with(dat.gurusamy2011, data.frame(study, treatment, events = death, n = n))

exacerbations <- with(dat.baker2009, data.frame(study, treatment, events = exac, n = total))

first <- function(data) sort(unique(as.character(data$treatment)))[1]
written <- list(
  made_with = list(R = paste(R.version$major, R.version$minor, sep = "."), metafor = as.character(packageVersion("metafor")),
                   metadat = as.character(packageVersion("metadat"))),
  networks = list(
    answer("senn2013", of_means(senn), "placebo"),
    answer("hasselblad1998", of_events(smoking), "no_contact"),
    answer("pagliaro1992", of_events(bleeding), first(bleeding)),
    answer("dong2013", of_events(copd), first(copd)),
    answer("dogliotti2014", of_events(stroke), first(stroke)),
    answer("baker2009", of_events(exacerbations), first(exacerbations)),
    answer("gurusamy2011", of_events(liver), first(liver))
  ))
write(toJSON(written, digits = I(17), auto_unbox = TRUE, na = "null", null = "null"), commandArgs(trailingOnly = TRUE)[1])

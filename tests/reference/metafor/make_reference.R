# Writes reference.json: what metafor says of every metadat data set that fits a supported measure.
#
#   apt-get install r-base-core r-cran-metafor r-cran-metadat r-cran-jsonlite   (Debian 12)
#   Rscript make_reference.R reference.json
#
# Only counts, means, effect estimates, sampling variances and metafor's answers are written; study
# names and everything else of the data sets stay in metadat. metafor's own stopping rules are
# loose (they leave a REML tau^2 wrong in the fifth digit), so its iterations are driven on here.

suppressMessages({library(metafor); library(metadat); library(jsonlite)})

MODELS <- c(common = "EE", DL = "DL", PM = "PM", ML = "ML", REML = "REML")
INTERVALS <- c(wald = "z", hk = "knha", "hk-adhoc" = "adhoc")
INFLUENCE_AT_MOST <- 40   # studies; beyond, the answers per study only make the file longer

# --- the data sets -------------------------------------------------------------------------------

cases <- list()

keep <- function(name, columns, usable) {
  frame <- as.data.frame(lapply(columns, as.numeric))
  frame <- frame[complete.cases(frame) & usable(frame), , drop = FALSE]
  if (nrow(frame) >= 2) list(name = name, frame = frame)
}

add_counts <- function(name, e1, n1, e2, n2, measures = c("OR", "RR", "RD")) {
  for (measure in measures) {
    # A study without events (or with nothing but events) in both arms says nothing of a ratio.
    says <- function(f) measure == "RD" |
      !((f$events_1 == 0 & f$events_2 == 0) | (f$events_1 == f$n_1 & f$events_2 == f$n_2))
    kept <- keep(name, list(events_1 = e1, n_1 = n1, events_2 = e2, n_2 = n2),
                 function(f) f$n_1 > 0 & f$n_2 > 0 & f$events_1 <= f$n_1 & f$events_2 <= f$n_2 & says(f))
    if (!is.null(kept)) cases[[length(cases) + 1]] <<- c(kept, measure = measure)
  }
}

add_means <- function(name, m1, s1, n1, m2, s2, n2, measures = c("MD", "SMD", "ROM")) {
  for (measure in measures) {
    kept <- keep(name, list(mean_1 = m1, sd_1 = s1, n_1 = n1, mean_2 = m2, sd_2 = s2, n_2 = n2),
                 function(f) f$n_1 >= 2 & f$n_2 >= 2 & f$sd_1 > 0 & f$sd_2 > 0 &
                   (measure != "ROM" | f$mean_1 * f$mean_2 > 0))
    if (!is.null(kept)) cases[[length(cases) + 1]] <<- c(kept, measure = measure)
  }
}

add_contrasts <- function(name, yi, vi) {
  kept <- keep(name, list(yi = yi, vi = vi), function(f) f$vi > 0)
  if (!is.null(kept)) cases[[length(cases) + 1]] <<- c(kept, measure = "estimate")
}

with(dat.anand1999, add_counts("anand1999", ai, n1i, ci, n2i))
with(dat.axfors2021, add_counts("axfors2021", hcq_arm_event, hcq_arm_total, control_arm_event, control_arm_total))
with(dat.bcg, add_counts("bcg", tpos, tpos + tneg, cpos, cpos + cneg))
with(dat.bornmann2007, add_counts("bornmann2007", waward, wtotal, maward, mtotal))
with(dat.bourassa1996, add_counts("bourassa1996", lh.le, lh.le + lh.re, rh.le, rh.le + rh.re))
for (i in 1:6) add_counts(paste0("cannon2006 ", i), dat.cannon2006[[paste0("ep", i, "t")]], dat.cannon2006$nt,
                          dat.cannon2006[[paste0("ep", i, "c")]], dat.cannon2006$nc)
with(dat.colditz1994, add_counts("colditz1994", tpos, tpos + tneg, cpos, cpos + cneg))
for (x in c("b", "o", "d")) add_counts(paste("collins1985a", x), dat.collins1985a[[paste0(x, ".xti")]], dat.collins1985a$nti,
                                       dat.collins1985a[[paste0(x, ".xci")]], dat.collins1985a$nci)
with(dat.collins1985b, {
  add_counts("collins1985b pre", pre.xti, pre.nti, pre.xci, pre.nci)
  add_counts("collins1985b ped", ped.xti, fup.nti, ped.xci, fup.nci)
  add_counts("collins1985b stb", stb.xti, fup.nti, stb.xci, fup.nci)
  add_counts("collins1985b ned", ned.xti, fup.nti, ned.xci, fup.nci)
})
for (o in unique(dat.dagostino1998$outcome)) {
  part <- dat.dagostino1998[dat.dagostino1998$outcome == o, ]
  with(part, add_means(paste("dagostino1998", o), mt, sdt, tnt, mc, sdc, tnc))
  with(part, add_counts(paste("dagostino1998", o), xt, nt, xc, nc))
}
with(dat.damico2009, add_counts("damico2009", xt, nt, xc, nc))
with(dat.dorn2007, add_counts("dorn2007", x.a, n.a, x.p, n.p))
with(dat.egger2001, add_counts("egger2001", ai, n1i, ci, n2i))
for (i in 1:4) with(dat.fine1993, add_counts(paste0("fine1993 ", i), dat.fine1993[[paste0("e", i, "i")]], nei,
                                             dat.fine1993[[paste0("c", i, "i")]], nci))
with(dat.gibson2002, add_counts("gibson2002", ai, ai + bi, ci, ci + di))
with(dat.graves2010, add_counts("graves2010", ai, n1i, ci, n2i))
with(dat.hahn2001, add_counts("hahn2001", ai, n1i, ci, n2i))
with(dat.hart1999, add_counts("hart1999", x1i, n1i, x2i, n2i))
with(dat.hartmannboyce2018, add_counts("hartmannboyce2018", x.nrt, n.nrt, x.ctrl, n.ctrl))
with(dat.hine1989, add_counts("hine1989", ai, n1i, ci, n2i))
with(dat.landenberger2005, add_counts("landenberger2005", n.ctrl.rec, n.ctrl.rec + n.ctrl.non, n.cbt.rec, n.cbt.rec + n.cbt.non))
with(dat.laopaiboon2015, add_counts("laopaiboon2015", ai, n1i, ci, n2i))
with(dat.lau1992, add_counts("lau1992", ai, n1i, ci, n2i))
with(dat.lee2004, add_counts("lee2004", ai, n1i, ci, n2i))
with(dat.li2007, add_counts("li2007", ai, n1i, ci, n2i))
with(dat.linde2005, add_counts("linde2005", ai, n1i, ci, n2i))
for (x in c("resp", "remi", "loss", "loss.ae", "ae"))
  with(dat.linde2015, add_counts(paste("linde2015 arms 1 and 2", x), dat.linde2015[[paste0(x, "1")]], n1,
                                 dat.linde2015[[paste0(x, "2")]], n2))
with(dat.nielweise2007, add_counts("nielweise2007", ai, n1i, ci, n2i))
with(dat.vanhowe1999, add_counts("vanhowe1999", non.pos, non.pos + non.neg, cir.pos, cir.pos + cir.neg))
with(dat.viechtbauer2021, add_counts("viechtbauer2021", xTi, nTi, xCi, nCi))
for (t in unique(dat.yusuf1985$table))
  with(dat.yusuf1985[dat.yusuf1985$table == t, ], add_counts(paste("yusuf1985", t), ai, n1i, ci, n2i))

with(dat.besson2016[1:150, ], add_means("besson2016 first 150", exp_mean, exp_se * sqrt(exp_n), exp_n, con_mean, con_se * sqrt(con_n), con_n, "SMD"))
with(dat.curtis1998, add_means("curtis1998", m1i, sd1i, n1i, m2i, sd2i, n2i))
with(dat.franchini2012, add_means("franchini2012 arms 1 and 2", y1, sd1, n1, y2, sd2, n2))
with(dat.gibson2002, add_means("gibson2002", m1i, sd1i, n1i, m2i, sd2i, n2i))
with(dat.michael2013, add_means("michael2013", Brain_m, Brain_s, Brain_n, No_brain_m, No_brain_s, No_brain_n))
with(dat.normand1999, add_means("normand1999", m1i, sd1i, n1i, m2i, sd2i, n2i))
with(dat.stowe2010, add_means("stowe2010 arms 1 and 2", y1, sd1, n1, y2, sd2, n2))

with(dat.assink2016, add_contrasts("assink2016", yi, vi))
with(dat.bakdash2021[1:150, ], add_contrasts("bakdash2021 first 150", es.z, vi.z))
with(dat.bangertdrowns2004, add_contrasts("bangertdrowns2004", yi, vi))
with(dat.baskerville2012, add_contrasts("baskerville2012", smd, se^2))
with(dat.begg1989, add_contrasts("begg1989", yi, vi))
with(dat.berkey1998, add_contrasts("berkey1998", yi, vi))
with(dat.hackshaw1998, add_contrasts("hackshaw1998", yi, vi))
for (i in 1:4) add_contrasts(paste0("ishak2007 ", i), dat.ishak2007[[paste0("y", i, "i")]], dat.ishak2007[[paste0("v", i, "i")]])
with(dat.kalaian1996, add_contrasts("kalaian1996", yi, vi))
with(dat.knapp2017, add_contrasts("knapp2017", yi, vi))
with(dat.konstantopoulos2011, add_contrasts("konstantopoulos2011", yi, vi))
with(dat.lehmann2018, add_contrasts("lehmann2018", yi, vi))
with(dat.linde2016, add_contrasts("linde2016", lnOR, selnOR^2))
with(dat.lopez2019, add_contrasts("lopez2019", diff, se^2))
for (i in 1:3) add_contrasts(paste0("maire2019 ", i), dat.maire2019$dat[[paste0("s", i)]], dat.maire2019$dat[[paste0("vars", i)]])
with(dat.mccurdy2020[1:150, ], add_contrasts("mccurdy2020 first 150", yi, vi))
with(dat.pignon2000, add_contrasts("pignon2000", OmE / V, 1 / V))
with(dat.raudenbush1985, add_contrasts("raudenbush1985", yi, vi))
with(dat.riley2003, add_contrasts("riley2003", yi, vi))
with(dat.tannersmith2016, add_contrasts("tannersmith2016", yi, vi))

left_out <- list(
  "one row per arm: compared as networks" = c("baker2009", "dogliotti2014", "dong2013", "gurusamy2011", "hasselblad1998", "pagliaro1992", "senn2013"),
  "correlations" = c("aloe2013", "bonett2010", "cohen1981", "craft2003", "crede2010", "mcdaniel1994", "molloy2014", "moura2021", "nakagawa2007", "white2020", "woods2010", "lim2014"),
  "one group only" = c("debruin2009", "hannum2020", "pritz1997", "obrien2003"),
  "person-time rates" = I("nielweise2008"),
  "diagnostic accuracy or genotypes" = c("frank2008", "kearon1998")
)

# --- what metafor says ---------------------------------------------------------------------------

number <- function(x) if (is.null(x) || length(x) == 0) NA_real_ else unname(as.numeric(x))
tried <- function(expression) tryCatch(suppressWarnings(expression), error = function(e) NULL)

control_for <- function(yi, vi) {
  moment <- rma(yi, vi, method = "DL")$tau2
  scale <- moment + mean(vi)
  # metafor works with k x k matrices: large reviews get a limit on the iterations.
  large <- length(yi) > 60
  list(threshold = (if (large) 1e-12 else 1e-13) * scale, maxiter = if (large) 500 else 20000, stepadj = 0.5, tau2.max = 1e4 * (scale + var(yi)), tol = 1e-15 * scale)
}

effect <- function(case) {
  f <- case$frame
  switch(case$measure,
    OR = , RR = , RD = escalc(case$measure, ai = f$events_1, n1i = f$n_1, ci = f$events_2, n2i = f$n_2),
    MD = , SMD = , ROM = escalc(case$measure, m1i = f$mean_1, sd1i = f$sd_1, n1i = f$n_1, m2i = f$mean_2, sd2i = f$sd_2, n2i = f$n_2),
    estimate = f)
}

pooled <- function(yi, vi, method, control) {
  answers <- list()
  for (name in names(INTERVALS)) {
    fit <- tried(rma(yi, vi, method = method, test = INTERVALS[[name]], control = control))
    if (is.null(fit)) return(NULL)
    ahead <- predict(fit)
    answers[[name]] <- c(estimate = number(fit$beta), se = fit$se, ci_low = fit$ci.lb, ci_high = fit$ci.ub, p = fit$pval,
                         prediction_low = if (method == "EE") NA else ahead$pi.lb, prediction_high = if (method == "EE") NA else ahead$pi.ub)
  }
  c(list(tau2 = fit$tau2, i2 = fit$I2, h2 = fit$H2, q = fit$QE, q_p = fit$QEp), intervals = list(lapply(answers, as.list)))
}

small_study <- function(yi, vi, control) {
  answers <- list()
  for (name in c("wald", "hk")) {
    fit <- tried(rma(yi, vi, test = INTERVALS[[name]], control = control))
    test <- if (!is.null(fit)) tried(regtest(fit))
    if (!is.null(test)) answers[[name]] <- list(statistic = number(test$zval), p = number(test$pval), limit = number(test$est),
                                                limit_low = number(test$ci.lb), limit_high = number(test$ci.ub), tau2 = test$fit$tau2)
  }
  plain <- tried(regtest(yi, vi, model = "lm"))
  if (!is.null(plain)) answers$lm <- list(statistic = number(plain$zval), p = number(plain$pval), limit = number(plain$est),
                                          limit_low = number(plain$ci.lb), limit_high = number(plain$ci.ub))
  answers
}

trimmed <- function(yi, vi, control) {
  answers <- list()
  for (estimator in c("L0", "R0")) {
    fit <- tried(trimfill(rma(yi, vi, test = "knha", control = control), estimator = estimator, test = "knha", control = control))
    if (!is.null(fit)) answers[[estimator]] <- list(k0 = fit$k0, side = fit$side, se_k0 = number(fit$se.k0), estimate = number(fit$beta),
                                                    ci_low = fit$ci.lb, ci_high = fit$ci.ub, tau2 = fit$tau2)
  }
  answers
}

per_study <- function(yi, vi, control) {
  fit <- tried(rma(yi, vi, test = "knha", control = control))
  if (is.null(fit) || fit$k > INFLUENCE_AT_MOST || fit$k < 3) return(NULL)
  shape <- tried(influence(fit)); out <- tried(leave1out(fit))
  if (is.null(shape) || is.null(out)) return(NULL)
  i <- shape$inf
  list(rstudent = i$rstudent, dffits = i$dffits, cook_d = i$cook.d, cov_r = i$cov.r, tau2_del = i$tau2.del, q_del = i$QE.del,
       hat = i$hat, weight = i$weight, dfbeta = shape$dfbs[[1]], left_estimate = out$estimate, left_se = out$se,
       left_low = out$ci.lb, left_high = out$ci.ub)
}

sparse <- function(case) {
  f <- case$frame
  mh <- tried(rma.mh(ai = f$events_1, n1i = f$n_1, ci = f$events_2, n2i = f$n_2, measure = case$measure, correct = FALSE))
  answers <- list()
  if (!is.null(mh)) answers$mantel_haenszel <- list(estimate = number(mh$beta), se = mh$se, ci_low = mh$ci.lb, ci_high = mh$ci.ub, q = mh$QE, q_p = mh$QEp)
  if (case$measure == "OR") {
    peto <- tried(rma.peto(ai = f$events_1, n1i = f$n_1, ci = f$events_2, n2i = f$n_2))
    if (!is.null(peto)) answers$peto <- list(estimate = number(peto$beta), se = peto$se, ci_low = peto$ci.lb, ci_high = peto$ci.ub, q = peto$QE, q_p = peto$QEp)
  }
  answers
}

answer <- function(case) {
  message(case$name, " ", case$measure, " ", nrow(case$frame))
  e <- effect(case); yi <- as.numeric(e$yi); vi <- as.numeric(e$vi)
  control <- control_for(yi, vi)
  out <- list(name = case$name, measure = case$measure, inputs = as.list(case$frame))
  if (case$measure != "estimate") out <- c(out, list(yi = yi, vi = vi))
  out$models <- lapply(MODELS, function(method) pooled(yi, vi, method, control))
  fit <- tried(rma(yi, vi, control = control))
  profile <- if (!is.null(fit)) tried(confint(fit, control = list(tol = control$tol, maxiter = 20000, tau2.max = control$tau2.max)))
  if (!is.null(profile)) out$q_profile <- list(low = profile$random["tau^2", "ci.lb"], high = profile$random["tau^2", "ci.ub"])
  if (length(yi) >= 3) {
    out$small_study <- small_study(yi, vi, control)
    out$trim_and_fill <- trimmed(yi, vi, control)
    out$per_study <- per_study(yi, vi, control)
  }
  if (case$measure %in% c("OR", "RR", "RD")) out <- c(out, sparse(case))
  out
}

regression <- function(name, yi, vi, mods) {
  control <- control_for(yi, vi)
  columns <- as.data.frame(mods)
  answers <- list()
  for (method in c("EE", "DL", "ML", "REML")) for (test in c("z", "knha")) {
    fit <- rma(yi, vi, mods = as.matrix(columns), method = method, test = test, control = control)
    answers[[length(answers) + 1]] <- list(model = names(MODELS)[MODELS == method], interval = names(INTERVALS)[INTERVALS == test],
      coefficients = number(fit$beta), se = fit$se, p = fit$pval, tau2 = fit$tau2, q_residual = fit$QE, q_residual_p = fit$QEp,
      q_moderators = fit$QM, q_moderators_p = fit$QMp, i2 = fit$I2)
  }
  list(name = name, yi = yi, vi = vi, moderators = as.list(columns), answers = answers)
}

bcg <- escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
writing <- subset(dat.bangertdrowns2004, !is.na(length) & !is.na(wic) & !is.na(feedback) & !is.na(info))
regressions <- list(
  regression("bcg latitude", as.numeric(bcg$yi), as.numeric(bcg$vi), list(ablat = bcg$ablat)),
  regression("bcg latitude and year", as.numeric(bcg$yi), as.numeric(bcg$vi), list(ablat = bcg$ablat, year = bcg$year - 1948)),
  regression("bcg allocation", as.numeric(bcg$yi), as.numeric(bcg$vi),
             list(random = as.numeric(bcg$alloc == "random"), systematic = as.numeric(bcg$alloc == "systematic"))),
  with(dat.raudenbush1985, regression("raudenbush1985 weeks", as.numeric(yi), as.numeric(vi), list(weeks = weeks))),
  with(writing, regression("bangertdrowns2004 four moderators", as.numeric(yi), as.numeric(vi),
                           list(length = length, wic = wic, feedback = feedback, info = info)))
)

done <- lapply(cases, answer)
written <- list(
  made_with = list(R = paste(R.version$major, R.version$minor, sep = "."), metafor = as.character(packageVersion("metafor")),
                   metadat = as.character(packageVersion("metadat"))),
  data_sets = sub("^dat\\.", "", data(package = "metadat")$results[, "Item"]),
  left_out = left_out, cases = done, regressions = regressions)
write(toJSON(written, digits = I(17), auto_unbox = TRUE, na = "null", null = "null"), commandArgs(trailingOnly = TRUE)[1])

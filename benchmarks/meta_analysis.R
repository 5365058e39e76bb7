# The metafor side of meta_analysis.py: Rscript meta_analysis.R STUDIES.csv REVIEWS LEFT_OUT_REVIEWS
# Prints "seconds per review" of the first REVIEWS, and with leave-one-out of the first
# LEFT_OUT_REVIEWS; then versions, and the first answers for the comparison. Loading is not timed.
suppressMessages(library(metafor))
arguments <- commandArgs(trailingOnly = TRUE)
studies <- read.csv(arguments[1])
parts <- split(studies, studies$review)
# metafor's scoring does not come to rest on a few reviews; its help then advises smaller steps.
fitted <- function(part) tryCatch(rma(y, v, data = part, method = "REML", test = "knha"),
  error = function(e) rma(y, v, data = part, method = "REML", test = "knha", control = list(stepadj = 0.5, maxiter = 1000)))
analyse <- function(part) {
  fit <- fitted(part)
  ahead <- predict(fit)
  egger <- regtest(fit, model = "lm")
  c(fit$beta, fit$ci.lb, fit$ci.ub, ahead$pi.lb, ahead$pi.ub, fit$tau2, egger$pval)
}
processor <- function(work) sum(system.time(work)[1:2])
some <- parts[seq_len(as.integer(arguments[2]))]
invisible(lapply(some[1:5], analyse))
plain <- processor(answers <- lapply(some, analyse)) / length(some)
few <- parts[seq_len(as.integer(arguments[3]))]
left <- processor(lapply(few, function(part) {
  fit <- fitted(part)
  predict(fit); regtest(fit, model = "lm"); leave1out(fit)
})) / length(few)
cat(jsonlite::toJSON(list(plain = plain, left_out = left, version = as.character(packageVersion("metafor")),
  answers = do.call(rbind, answers)), auto_unbox = TRUE, digits = I(17)))

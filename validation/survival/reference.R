# Reference values for the analyses of virtual trials, from R's own packages survival and nlme on data they ship.
#   Rscript validation/survival/reference.R
# writes the data (data/*.csv) and the values (reference.csv) beside this file; tests/trial/virtual reads both.
suppressPackageStartupMessages({ library(survival); library(nlme) })
arguments <- commandArgs(trailingOnly = FALSE)
here <- dirname(sub("^--file=", "", arguments[grep("^--file=", arguments)]))
dir.create(file.path(here, "data"), showWarnings = FALSE)
rows <- list()
put <- function(data, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(data = data, quantity = quantity, value = sprintf("%.12g", value))
}

# times: lung (two arms by sex, many ties) and veteran (by treatment, with and without strata)
survive <- function(name, d, tau) {
  write.csv(d, file.path(here, "data", paste0(name, ".csv")), row.names = FALSE)
  test <- survdiff(Surv(time, event) ~ arm, data = d)
  put(name, "logrank_chisq", test$chisq)
  fit <- coxph(Surv(time, event) ~ arm, data = d, ties = "efron")
  put(name, "cox_beta", coef(fit)[[1]])
  put(name, "cox_se", sqrt(vcov(fit)[1, 1]))
  curve <- survfit(Surv(time, event) ~ arm, data = d)
  means <- summary(curve, rmean = tau)$table
  for (a in 1:2) {
    put(name, paste0("rmst_", a - 1), means[a, "rmean"])
    put(name, paste0("rmst_se_", a - 1), means[a, "se(rmean)"])
  }
  at <- summary(curve, times = c(50, 100, 200), extend = TRUE)
  for (i in seq_along(at$time)) {
    put(name, sprintf("km_%s_%g", as.integer(at$strata[i]) - 1, at$time[i]), at$surv[i])
  }
}
l <- data.frame(time = lung$time, event = lung$status - 1, arm = lung$sex - 1, stratum = 0)
v <- data.frame(time = veteran$time, event = veteran$status, arm = veteran$trt - 1,
                stratum = as.integer(veteran$celltype) - 1)
survive("lung", l, 500)
survive("veteran", v, 300)
strata_test <- survdiff(Surv(time, event) ~ arm + strata(stratum), data = v)
put("veteran", "logrank_stratified_chisq", strata_test$chisq)
strata_fit <- coxph(Surv(time, event) ~ arm + strata(stratum), data = v, ties = "efron")
put("veteran", "cox_stratified_beta", coef(strata_fit)[[1]])
put("veteran", "cox_stratified_se", sqrt(vcov(strata_fit)[1, 1]))
# an interaction of arm and one factor: squamous or not
v$factor <- as.integer(v$stratum == 0)
both <- coxph(Surv(time, event) ~ arm * factor, data = v, ties = "efron")
put("veteran", "cox_interaction_beta", coef(both)[["arm:factor"]])
put("veteran", "cox_interaction_se", sqrt(vcov(both)["arm:factor", "arm:factor"]))

# repeated measures: Orthodont, age 8 as the baseline, ages 10, 12 and 14 as visits, some subjects lost on the way
o <- as.data.frame(Orthodont)
wide <- reshape(o[, c("distance", "age", "Subject", "Sex")], idvar = c("Subject", "Sex"), timevar = "age",
                direction = "wide")
wide <- wide[order(as.character(wide$Subject)), ]
names(wide) <- c("subject", "sex", "base", "y10", "y12", "y14")
wide$arm <- as.integer(wide$sex == "Female")
wide$lost <- ifelse(seq_len(nrow(wide)) %% 5 == 0, 2, ifelse(seq_len(nrow(wide)) %% 4 == 0, 3, 4))
write.csv(wide[, c("arm", "base", "y10", "y12", "y14", "lost")], file.path(here, "data", "orthodont.csv"),
          row.names = FALSE)
mixed <- function(name, d) {
  long <- reshape(d, varying = c("y10", "y12", "y14"), v.names = "y", timevar = "visit", times = 1:3,
                  idvar = "subject", direction = "long")
  long <- long[long$visit < long$lost, ]
  long <- long[order(long$subject, long$visit), ]
  long$v <- factor(long$visit)
  long$a <- factor(long$arm)
  for (method in c("ML", "REML")) {
    fit <- gls(y ~ 0 + v:a + v:base, data = long, correlation = corSymm(form = ~visit | subject),
               weights = varIdent(form = ~1 | v), method = method, control = glsControl(tolerance = 1e-12, msTol = 1e-12))
    b <- coef(fit)
    contrast <- as.numeric(names(b) == "v3:a1") - as.numeric(names(b) == "v3:a0")
    put(name, paste0("mmrm_estimate_", method), sum(contrast * b))
    put(name, paste0("mmrm_se_", method), sqrt(drop(contrast %*% vcov(fit) %*% contrast)))
  }
}
mixed("orthodont", wide)
whole <- wide
whole$lost <- 4
mixed("orthodont_whole", whole)
covariance <- lm(y14 ~ base + arm, data = wide)
put("orthodont", "ancova_estimate", coef(covariance)[["arm"]])
put("orthodont", "ancova_se", sqrt(vcov(covariance)["arm", "arm"]))
put("orthodont", "ancova_p", summary(covariance)$coefficients["arm", 4])

# proportions: deaths within 90 days in veteran, by arm and over cell types
v$dead <- as.integer(v$time <= 90 & v$event == 1)
two <- prop.test(c(sum(v$dead[v$arm == 1]), sum(v$dead[v$arm == 0])), c(sum(v$arm == 1), sum(v$arm == 0)), correct = FALSE)
put("veteran", "chi2_statistic", two$statistic[[1]])
mh <- mantelhaen.test(table(v$arm, v$dead, v$stratum), correct = FALSE)
put("veteran", "cmh_statistic", mh$statistic[[1]])
g <- glm(dead ~ arm * factor, data = v, family = binomial)
put("veteran", "logistic_interaction", coef(g)[["arm:factor"]])
put("veteran", "logistic_interaction_se", sqrt(vcov(g)["arm:factor", "arm:factor"]))

versions <- paste0("R ", getRversion(), ", survival ", packageVersion("survival"), ", nlme ", packageVersion("nlme"))
writeLines(c(paste("#", versions), "data,quantity,value",
             vapply(rows, function(r) paste(r$data, r$quantity, r$value, sep = ","), "")),
           file.path(here, "reference.csv"))

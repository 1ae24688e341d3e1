# Reference values of the package metafor for the meta-analysis of Cotreat, from data sets of the package metadat.
#
#   Rscript validation/metafor/remake.R          from the root of the repository
#
# Writes data/NAME.csv (the numbers of each data set that the analysis needs) and reference.json. Needs R with metafor;
# nothing else. Each model is fitted twice: with metafor's own tolerances ("default") and with tight ones ("tight"),
# so that a difference can be told from an early stop of an iteration.

suppressMessages(suppressWarnings(library(metafor)))

# A table of counts, means or effects under the names that both programs read, and what is computed from it.
of <- function(data, study, columns, measures, mods = NULL) {
    keep <- data.frame(study = make.unique(gsub("[,\"]", "", as.character(study))))
    for (to in names(columns)) keep[[to]] <- data[[columns[[to]]]]
    for (m in mods) keep[[m]] <- data[[m]]
    list(data = keep, measures = measures, mods = mods)
}
same <- function(...) setNames(as.list(c(...)), c(...))
counts <- same("ai", "n1i", "ci", "n2i")
means <- same("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")

pignon <- transform(dat.pignon2000, yi = OmE / V, vi = 1 / V)
bangert <- transform(dat.bangertdrowns2004, meta = ifelse(meta == 1, "yes", "no"))
gibson <- subset(dat.gibson2002, !is.na(m1i) & !is.na(sd1i) & !is.na(m2i) & !is.na(sd2i))
sets <- list(
    bcg = of(dat.bcg, paste(dat.bcg$author, dat.bcg$year), list(ai = "tpos", bi = "tneg", ci = "cpos", di = "cneg"),
             c("RR", "OR", "RD"), c("ablat", "alloc")),
    normand1999 = of(dat.normand1999, dat.normand1999$source, means, c("MD", "SMD")),
    hackshaw1998 = of(dat.hackshaw1998, paste(dat.hackshaw1998$author, dat.hackshaw1998$year), same("yi", "vi"),
                      c("OR", "GEN"), c("year", "design")),
    raudenbush1985 = of(dat.raudenbush1985, paste(dat.raudenbush1985$author, dat.raudenbush1985$year),
                        same("yi", "vi"), c("SMD", "GEN"), c("weeks")),
    bangertdrowns2004 = of(bangert, paste(bangert$author, bangert$year), same("yi", "vi"), c("SMD"),
                           c("length", "meta")),
    pritz1997 = of(dat.pritz1997, dat.pritz1997$authors, same("xi", "ni"), c("PLO")),
    debruin2009 = of(dat.debruin2009, paste(dat.debruin2009$author, dat.debruin2009$year), same("xi", "mi"),
                     c("PLO"), c("scq", "ethnicity")),
    yusuf1985 = of(subset(dat.yusuf1985, table == 6), subset(dat.yusuf1985, table == 6)$trial, counts,
                   c("RR", "OR", "RD")),
    nielweise2007 = of(dat.nielweise2007, paste(dat.nielweise2007$author, dat.nielweise2007$year), counts,
                       c("RR", "OR", "RD")),
    hine1989 = of(dat.hine1989, dat.hine1989$source, counts, c("RR", "OR", "RD")),
    li2007 = of(dat.li2007, paste(dat.li2007$study, dat.li2007$year), counts, c("RR", "OR", "RD"), c("year")),
    linde2005 = of(dat.linde2005, paste(dat.linde2005$study, dat.linde2005$year), counts, c("RR", "OR", "RD"),
                   c("group")),
    egger2001 = of(dat.egger2001, paste(dat.egger2001$study, dat.egger2001$year), counts, c("RR", "OR", "RD")),
    gibson2002 = of(gibson, paste(gibson$author, gibson$year), means, c("MD", "SMD")),
    curtis1998 = of(dat.curtis1998, paste("paper", dat.curtis1998$paper, "row", dat.curtis1998$id), means,
                    c("MD", "SMD")),
    pignon2000 = of(pignon, pignon$trial, same("yi", "vi"), c("HR"))
)

effects <- function(set, measure) {
    d <- set$data
    if ("yi" %in% names(d)) return(list(yi = d$yi, vi = d$vi))
    args <- c(list(measure = measure), as.list(d[setdiff(names(d), c("study", set$mods))]))
    e <- do.call(escalc, args)
    list(yi = as.numeric(e$yi), vi = as.numeric(e$vi))
}

# Fisher scoring stops at an absolute change of tau2, so a tight threshold has to follow the size of the effects; where
# the steps swing to and fro it is told to take half steps.
tight <- function(e, step = 1) list(threshold = 1e-12 * var(e$yi, na.rm = TRUE), maxiter = 10000, stepadj = step)
careful <- function(e, call) tryCatch(call(tight(e)), error = function(stopped) call(tight(e, 0.5)))
# confint looks for the upper end of the interval of tau2 up to ten times tau2 (at least 100) unless told otherwise.
wide <- function(model) list(tol = 1e-14 * var(model$yi), tau2.max = 1e4 * var(model$yi))
interval <- function(lower, upper) if (is.null(lower) || is.na(lower)) NULL else c(lower, upper)

fitted <- function(model, exact) {
    at <- if (model$p == 1) predict(model) else predict(model, newmods = colMeans(model$X)[-1])
    profile <- if (model$method == "EE" || model$k == model$p) NULL
        else suppressMessages(confint(model, control = if (exact) wide(model) else list()))
    list(
        coefficients = I(as.numeric(model$beta)), coefficient_se = I(model$se), coefficient_p = I(model$pval),
        estimate = at$pred, se = at$se, ci95 = c(at$ci.lb, at$ci.ub), pi95 = interval(at$pi.lb[1], at$pi.ub[1]),
        tau2 = model$tau2, tau2_se = if (is.null(model$se.tau2) || is.na(model$se.tau2)) NULL else model$se.tau2,
        tau2_ci95 = if (is.null(profile)) NULL else as.numeric(profile$random["tau^2", c("ci.lb", "ci.ub")]),
        i2 = model$I2, h2 = model$H2, q = model$QE, q_p = model$QEp,
        r2 = if (is.null(model$R2)) NULL else model$R2,
        qm = if (model$p > 1) model$QM else NULL, qm_p = if (model$p > 1) model$QMp else NULL
    )
}

fit <- function(e, x, method, test) {
    one <- function(control) {
        call <- list(yi = e$yi, vi = e$vi, method = method, test = test, control = control)
        if (!is.null(x)) call$mods <- x
        suppressWarnings(do.call(rma, call))
    }
    few <- c("estimate", "se", "tau2", "ci95", "pi95", "tau2_ci95")
    list(default = tryCatch(fitted(one(list()), FALSE)[few], error = function(stopped) conditionMessage(stopped)),
         tight = fitted(careful(e, one), TRUE))
}

beside <- function(e) {
    model <- careful(e, function(control) rma(e$yi, e$vi, control = control))
    without <- leave1out(model)
    by_error <- regtest(model)
    classical <- regtest(e$yi, e$vi, model = "lm")
    # trimfill fits again with default tolerances, which are absolute: large effects make them tight
    size <- 30 / sd(e$yi, na.rm = TRUE)
    filled <- trimfill(rma(e$yi * size, e$vi * size^2))
    list(
        leave_one_out = list(estimate = without$estimate, se = without$se, tau2 = without$tau2),
        small_studies = list(slope = as.numeric(by_error$fit$beta[2]), statistic = by_error$zval, p = by_error$pval,
                             limit = by_error$est, limit_ci95 = c(by_error$ci.lb, by_error$ci.ub)),
        egger = list(statistic = classical$zval, df = classical$dfs, p = classical$pval, limit = classical$est,
                     limit_ci95 = c(classical$ci.lb, classical$ci.ub)),
        trim_and_fill = list(missing = filled$k0, missing_se = filled$se.k0, side = filled$side,
                             estimate = as.numeric(filled$beta) / size, se = filled$se / size,
                             tau2 = filled$tau2 / size^2)
    )
}

design <- function(data, names) {
    for (n in names) if (is.character(data[[n]])) data[[n]] <- factor(data[[n]], levels = sort(unique(data[[n]]),
                                                                                         method = "radix"))
    model.matrix(reformulate(names), data)[, -1, drop = FALSE]
}

json <- function(value, depth = 0) {
    if (is.null(value)) return("null")
    if (is.list(value)) {
        parts <- mapply(function(n, v) paste0("\"", n, "\": ", json(v, depth + 1)), names(value), value)
        return(paste0("{", paste(parts, collapse = if (depth < 5) ",\n" else ", "), "}"))
    }
    listed <- inherits(value, "AsIs") || length(value) > 1
    value <- unclass(value)
    one <- if (is.character(value)) paste0("\"", value, "\"") else ifelse(is.na(value), "null", format(value, digits = 10))
    one <- trimws(one)
    if (!listed) one else paste0("[", paste(one, collapse = ", "), "]")
}

folder <- "validation/metafor"
dir.create(file.path(folder, "data"), showWarnings = FALSE, recursive = TRUE)
found <- list()
for (name in names(sets)) {
    set <- sets[[name]]
    write.csv(set$data, file.path(folder, "data", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
    for (measure in set$measures) {
        e <- effects(set, measure)
        entry <- list(data = name, measure = measure, k = length(e$yi), yi = e$yi, vi = e$vi, models = list())
        for (method in c("REML", "DL", "ML", "EE")) for (test in c("z", "knha"))
            entry$models[[paste(method, test, sep = "-")]] <- fit(e, NULL, method, test)
        entry <- c(entry, beside(e))
        if (!is.null(set$mods)) {
            whole <- stats::complete.cases(set$data[set$mods])
            x <- design(set$data[whole, ], set$mods)
            some <- list(yi = e$yi[whole], vi = e$vi[whole])
            entry$regression <- list(mods = I(set$mods), columns = I(colnames(x)), k = sum(whole), models = list())
            for (method in c("REML", "DL", "ML", "EE")) for (test in c("z", "knha"))
                entry$regression$models[[paste(method, test, sep = "-")]] <- fit(some, x, method, test)
        }
        found[[paste(name, measure, sep = "-")]] <- entry
    }
}
result <- list(
    made_with = list(R = paste(R.version$major, R.version$minor, sep = "."),
                     metafor = as.character(packageVersion("metafor")), metadat = as.character(packageVersion("metadat"))),
    analyses = found
)
writeLines(json(result), file.path(folder, "reference.json"))
cat(length(found), "analyses written to", file.path(folder, "reference.json"), "\n")

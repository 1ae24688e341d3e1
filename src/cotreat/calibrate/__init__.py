"""Priors, likelihoods of published summaries, inference and diagnostics; the result is a parameter set."""

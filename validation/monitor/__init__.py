"""Validation of the filter that follows one person: invented patients, exact inference, baselines, and the figures."""

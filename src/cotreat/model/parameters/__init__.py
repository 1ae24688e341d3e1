"""Packaged parameter sets, as files. Their names stand here, so that a command can name them without reading one."""

PRIOR = "literature-2026"
"""The packaged prior: every parameter set holds its parameters."""
DEFAULT = "cotreat-2026-11"
"""The set that is used where none is named."""

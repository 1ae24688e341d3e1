"""Mechanisms of the patient, one file each; ``cotreat.model.patient`` puts them in order.

Each file gives ``constants`` (what depends on the patient and the step only, computed once in float64) and a scalar,
branch-free step on JAX values. Time is in days; *drive* is the unit of what pushes mood.
"""

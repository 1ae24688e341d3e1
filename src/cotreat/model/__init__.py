"""One patient as a stochastic process: mechanisms (one file each), parameter sets by source.

The model is research software; its joints between published parts are hypotheses and are named as such in each file.
"""

"""Fast kernels generated from the trace of the step.

``trace`` turns the scalar JAX functions of the model into a graph, ``lower`` says how each function of mathematics is
computed, ``program`` finds what a kernel needs, ``machine`` hands it to the compiler, ``source`` is the loop over
patients and days around it, ``cache`` keeps what was compiled, and ``cpu`` runs it.
"""

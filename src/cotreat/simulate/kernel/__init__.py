"""Fast kernels generated from the trace of the step.

``trace`` turns the scalar JAX functions of the model into a graph, ``lower`` says how each function of mathematics is
computed, ``emit`` writes the graph as straight-line code, ``source`` puts that code into the loop over patients and
days, ``cache`` keeps what was compiled, and ``cpu`` runs it.
"""

"""What an infusion of ketamine does within hours, in closed form: the onset of its transient, and dissociation.

    K(t) = sum of size (exp(-t / tau) - exp(-t / tau_on))        t days since each dose
    F(t) = size x exp(-t / tau_F)                                 t days since the first dose
    D(t) = peak (strength) x t / t_end while it runs, then x exp(-(t - t_end) / tau_D)

K lowers the rating without moving mood. Its size has two parts: that of ketamine (``transient.ketamine`` by strength of
the dose and the patient's sensitivity) and that of being given an infusion one can feel (``transient.felt_infusion``),
which midazolam gives too; saline gives the smaller ``transient.inert_infusion``. Who gains more from placebo gains more
from either. The engine carries K without its onset, which is over before the next midnight; ``since_dose`` gives it for
a rating within hours.

F is the relief of having been treated at last: it is there at once, whatever is given, fades within a day, and is
larger in those who gain more from placebo (``transient.first_hours``). Only ratings within hours show it.

D is in points of CADSS: each patient's peak is lognormal around ``dissociation.ketamine`` at the usual dose. It is
computed from the schedule and changes nothing else.

Source: MADRS -6.2 at 2-4 h and -10.0 at 24 h give tau_on of about 0.13 d; the difference in response falls with 7 d
(Han 2016, PMC5098773); against midazolam the effect is about half (Murrough 2013); dissociation is raised at 40 minutes
and gone within hours (Diazgranados 2010, PMC3000408). A spray without drug lowers MADRS by 9.7 points in two hours, of
which 5.7 are left the next day (Daly 2018, PMC5838571).
Does not claim: that dissociation tells who gets better, that it lessens over repeated doses, or what plasma levels are.
"""

from __future__ import annotations

import numpy as np

DURATION = 40.0 / (24.0 * 60.0)
"""Days the usual infusion runs."""


def since_dose(days: float, tau: np.ndarray, onset: np.ndarray) -> np.ndarray:
    """Part of the size of the transient that shows ``days`` after a dose; 0 before it."""
    if days <= 0:
        return np.zeros_like(tau)
    return np.asarray(np.exp(-days / tau) - np.exp(-days / onset))


def first_hours(days: float, size: np.ndarray, fade: np.ndarray) -> np.ndarray:
    """Relief of a first dose of whatever kind, in mood, ``days`` after it; 0 before it."""
    if days <= 0:
        return np.zeros_like(fade)
    return np.asarray(size * np.exp(-days / fade))


def dissociation(days: float, peak: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Points of CADSS ``days`` after the start of a dose with this ``peak``; 0 before it."""
    if days <= 0:
        return np.zeros_like(peak)
    if days <= DURATION:
        return np.asarray(peak * days / DURATION)
    return np.asarray(peak * np.exp(-(days - DURATION) / tau))

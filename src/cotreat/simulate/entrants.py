"""A cohort made ready for an engine: steps, constants and state at entry of each patient.

Arms of a comparison give the same patients different things, so what is worked out here serves all of them; only a drug
taken before entry changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.model.effects import DRUG_ROLES, SESSION_GAIN, STORAGE_GAIN, TILT, WITHDRAWAL, MoodStructure
from cotreat.model.mechanisms import exposure
from cotreat.model.parameter_set import LINEAR_MOOD
from cotreat.model.patient import Channels, constants, drug_constants
from cotreat.population.cohort import Cohort
from cotreat.population.patients import PatientValues
from cotreat.regimen.ledger import Before
from cotreat.simulate import scan
from cotreat.simulate.channels import Layout
from cotreat.simulate.chunks import Engine, People

STEPS = (4, 8, 16)
_STEPS_PER_TIME_CONSTANT = 8
_AT_ONCE = 1 << 12  # patients whose constants are worked out together
Group = tuple[int, MoodStructure]
"""Steps a day and structure of mood: patients of a group share a kernel."""
_POSITIVE = (".time_constant", ".half_effect_level", ".largest", ".sigma")


@dataclass(frozen=True)
class Entrants:
    """Patients of a cohort as an engine takes them.

    ``layout``: channels and tracks of all ledgers they will be given. ``refine`` halves every step that many times.
    Constants are kept in the precision of the ``engine``. ``threads`` changes speed only.

    Raises
    ------
    InputError
        A parameter of some patient cannot be used.
    """

    cohort: Cohort
    layout: Layout
    refine: int = 0
    engine: Engine = "kernel"
    threads: int = 1
    _ready: dict[tuple[Before, ...], dict[Group, People]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_parameters(self.cohort)

    def people(self, before: tuple[Before, ...]) -> dict[Group, People]:
        """Patients by steps a day and structure of mood, with what they took ``before`` at steady state."""
        if before not in self._ready:
            self._ready[before] = self._people(before)
        return self._ready[before]

    def _people(self, before: tuple[Before, ...]) -> dict[Group, People]:
        cohort = self.cohort
        parameters, state = _at_entry(before, self.layout.channels, cohort)
        steps = steps_a_day(parameters["mood.time_constant"], self.refine)
        linear = parameters[LINEAR_MOOD] > 0
        found: dict[Group, People] = {}
        for group in np.unique(2 * steps + linear):
            count, rival = int(group) // 2, bool(group % 2)
            lanes = np.flatnonzero((steps == count) & (linear == rival))
            structure: MoodStructure = "linear" if rival else "bistable"
            channels = replace(self.layout.channels, mood=structure)
            found[count, structure] = People(
                constants=self._constants(parameters, channels, lanes, 1.0 / count),
                entry=np.stack([state[k][lanes] for k in channels.states]),
                lanes=lanes,
                patient=cohort.patient[lanes],
                draw=cohort.draw[lanes],
                baseline=cohort.baseline[lanes],
            )
        return found

    def _constants(
        self, parameters: PatientValues, channels: Channels, lanes: np.ndarray, h: float
    ) -> dict[str, np.ndarray]:
        """Constants of the step and of the rating, in portions that fit the cache, several at a time."""
        real = np.float64 if self.engine == "kernel64" else np.float32
        found: dict[str, np.ndarray] = {}

        def work(begin: int) -> None:
            p = parameters.take(lanes[begin : begin + _AT_ONCE]).whole()
            c = constants(p, channels, h) | {k: p[k] for k in scan.RATING_CONSTANTS}
            if not begin:
                found.update({name: np.empty(len(lanes), real) for name in c})
            for name, values in c.items():
                found[name][begin : begin + _AT_ONCE] = values

        work(0)
        rest = range(_AT_ONCE, len(lanes), _AT_ONCE)
        if self.threads == 1 or not rest:
            for begin in rest:
                work(begin)
        else:
            with ThreadPoolExecutor(max_workers=self.threads) as pool:
                list(pool.map(work, rest))
        return found


def chunks(people: People, chunk: int) -> Iterator[People]:
    """The patients in portions of about ``chunk``, a whole number of tiles each."""
    width = max(1, chunk // scan.TILE) * scan.TILE
    for begin in range(0, len(people.lanes), width):
        part = slice(begin, begin + width)
        yield replace(
            people,
            constants={k: v[part] for k, v in people.constants.items()},
            entry=people.entry[:, part],
            lanes=people.lanes[part],
            patient=people.patient[part],
            draw=people.draw[part],
            baseline=people.baseline[part],
        )


def steps_a_day(tau: np.ndarray, refine: int) -> np.ndarray:
    """Steps a day of each patient: the coarsest with dt <= tau / 8, halved ``refine`` times."""
    needed = _STEPS_PER_TIME_CONSTANT / tau
    if (needed > STEPS[-1] * (1 + 1e-9)).any():
        raise InputError(f"mood.time_constant must be at least {_STEPS_PER_TIME_CONSTANT / STEPS[-1]:g} day")
    coarsest = np.asarray(STEPS)[np.searchsorted(STEPS, needed * (1 - 1e-9))]
    return np.asarray(coarsest * 2**refine)


def _at_entry(
    taken: tuple[Before, ...], channels: Channels, cohort: Cohort
) -> tuple[PatientValues, dict[str, np.ndarray]]:
    """Parameters and state at entry, with drugs taken before at steady state.

    A patient who enters ill is ill in spite of the drug, so chronicity is raised by the tilt the drug already gives;
    one who enters well may be well because of it.
    """
    p = cohort.parameters.copy()
    zero = np.zeros(len(cohort.draw))
    state = {k: cohort.state.get(k, zero) for k in channels.states}
    for before in taken:
        name = f"exposure.{before.subject}"
        if name not in state or np.any(cohort.state.get(name, zero) > 0):
            continue  # a dose that acts like a session leaves nothing at steady state; a run-in has left its own state
        drug = next(d for d in channels.drugs if d.name == before.subject)
        c = drug_constants(p, drug, 1.0)
        effect = np.asarray(exposure.effect(np.full_like(zero, before.amount), drug.name, c))
        state[name] = np.full_like(zero, before.amount)
        gives = {role: c[f"{drug.name}.{role}"] * effect for role in DRUG_ROLES[drug.effect_class]}
        if TILT in gives:
            state["tilt"] = state["tilt"] + gives[TILT]
            if not cohort.starts_well:
                p["trait.chronicity"] = p["trait.chronicity"] + gives[TILT]
        state["session_gain"] = state["session_gain"] + gives.get(SESSION_GAIN, 0.0)
        state["storage_gain"] = state["storage_gain"] + gives.get(STORAGE_GAIN, 0.0)
        if WITHDRAWAL in gives:
            state[f"adapted.{drug.name}"] = state[f"adapted_slow.{drug.name}"] = effect
    return p, state


def _check_parameters(cohort: Cohort) -> None:
    """Refuse what no run can use, before anything runs."""
    if not len(cohort.draw):
        raise InputError("there are no patients to simulate")
    for name, values in cohort.parameters.items():
        wrong = ~np.isfinite(values)
        why = "is not a finite number"
        if name.endswith(_POSITIVE) and not wrong.any():
            wrong, why = values <= 0, "must be above 0"
        if wrong.any():
            lane = int(np.flatnonzero(wrong)[0])
            who = f"of patient {cohort.patient[lane]} in draw {cohort.draw[lane]}"
            raise InputError(f"{name} {who} is {values[lane]:g}: it {why}")

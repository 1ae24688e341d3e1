"""The file ``cotreat trial`` reads."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, cast

from cotreat.evidence.document import read_document, read_text
from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.population.populations import population
from cotreat.regimen.parse import parse
from cotreat.trial.virtual.design import (
    KINDS,
    MECHANISMS,
    MOST_PER_ARM,
    Arm,
    Conduct,
    Crossover,
    Dropout,
    Effect,
    Guessing,
    Kind,
    MissedVisits,
    Search,
    Sites,
    Trial,
)
from cotreat.trial.virtual.endpoints import Plan, read_endpoints
from cotreat.trial.virtual.multiplicity import MULTIPLICITIES, Multiplicity
from cotreat.trial.virtual.phrases import known_keys, read_visits
from cotreat.trial.virtual.sequential import SPENDINGS, Looks

_KEYS = (
    "title", "design", "population", "arms", "factors", "periods", "stages", "run_in", "enter", "per_arm",
    "sample_size", "visits", "endpoints", "alpha", "multiplicity", "looks", "dropout", "missed_sessions",
    "missed_visits", "sites", "guessing", "enrolment", "effect", "scale", "washout_weeks",
)  # fmt: skip
_MOST_ARMS = 12


def load_trial(path: str) -> Trial:
    """A trial from a YAML file.

    Raises
    ------
    InputError
        The file cannot be read, or what it says cannot be understood or done.
    """
    try:
        text = read_text(Path(path))
    except InputError as error:
        message = error.message.replace("a study file", "a trial file")
        raise InputError(message, hint=error.hint, examples=error.examples) from error
    document = read_document(text, path)
    try:
        return read_trial(document.data)
    except InputError as error:
        message = f"{path}: {error.message}"
        raise InputError(message, hint=error.hint, excerpt=error.excerpt, examples=error.examples) from error


def read_trial(data: dict[str, Any]) -> Trial:
    """A trial from the fields of its file; InputError for what cannot be understood or done."""
    known_keys("trial", data, _KEYS)
    if data.get("visits") is None:
        raise InputError("visits: say when patients are seen", examples=("visits: every 2 weeks for 30 weeks",))
    kind = _design(data)
    effect = data.get("effect")
    arms, factors, options = _arms(data, kind, sentences=effect is None)
    days = read_visits(data["visits"])
    crossover = _crossover(data, days) if kind == "crossover" else None
    people = None if effect is not None else population(str(data.get("population", "TRD outpatients")))
    if not isinstance(data.get("title", ""), str):
        raise InputError(f"title must be text, not {data['title']!r}")
    scale = find_scale(str(data["scale"])).id if "scale" in data else (people.scale if people else "HAM-D17")
    if people is not None:
        people = people.on(scale)
    stated = read_effect(effect, arms) if effect is not None else None
    plan = Plan(kind, arms, factors, days, scale, stated, people is not None and people.starts_well)
    if kind != "crossover" and "washout_weeks" in data:
        raise InputError("washout_weeks belongs to a crossover design", examples=("design: crossover",))
    if kind != "withdrawal" and (data.get("run_in") or data.get("enter")):
        raise InputError("run_in and enter belong to a withdrawal design", examples=("design: withdrawal",))
    run_in = _run_in(data) if kind == "withdrawal" and effect is None else None
    search = _search(data.get("sample_size"))
    trial = Trial(
        title=" ".join(str(data.get("title", "A virtual trial")).split()),
        kind=kind,
        arms=arms,
        per_arm=_per_arm(data.get("per_arm"), search),
        days=days,
        endpoints=read_endpoints(data.get("endpoints"), plan),
        scale=scale,
        population=people,
        effect=stated,
        alpha=_number(data.get("alpha", 0.05), "alpha", 1e-6, 0.5),
        multiplicity=_multiplicity(data.get("multiplicity", "none")),
        looks=_looks(data.get("looks")),
        conduct=_conduct(data, stated is not None),
        run_in=run_in,
        enter=str(data["enter"]) if data.get("enter") else None,
        crossover=crossover,
        search=search,
        second_options=options,
    )
    return _checked(trial)


def _checked(trial: Trial) -> Trial:
    """What only the whole design shows to be impossible."""
    if trial.effect is not None:
        fits = {"normal": ("ancova", "t", "mmrm"), "binary": ("proportion",), "exponential": ("time",)}[
            trial.effect.kind
        ]
        wrong = [e for e in trial.endpoints if e.kind not in fits]
        if wrong:
            raise InputError(
                f"{wrong[0].name!r} cannot be measured: a {trial.effect.kind} effect makes {' or '.join(fits)} only"
            )
        if trial.effect.kind != "normal" and trial.conduct.missed_visits is not None:
            raise InputError(
                f"missed_visits: a {trial.effect.kind} effect has no ratings at visits that could be missed"
            )
        if trial.kind in ("crossover", "smart"):
            raise InputError(f"a {trial.kind} trial needs the patient model: leave effect out")
    if trial.kind in ("crossover", "smart"):
        wrong = [e for e in trial.endpoints if e.kind not in ("ancova", "t", "proportion")]
        if trial.kind == "crossover":
            wrong = [e for e in trial.endpoints if e.kind not in ("ancova", "t")]
        if wrong:
            raise InputError(f"{wrong[0].name!r}: a {trial.kind} trial cannot be analysed by {wrong[0].kind}")
        if trial.looks is not None:
            raise InputError(f"looks: not for a {trial.kind} trial")
    if trial.kind in ("crossover", "smart"):
        for name in ("sites", "guessing"):
            if getattr(trial.conduct, name) is not None:
                raise InputError(f"{name}: not for a {trial.kind} trial")
    if trial.looks is not None and trial.multiplicity not in ("none", "fixed sequence"):
        raise InputError(
            f"multiplicity: {trial.multiplicity} is not defined over looks", hint="use none or fixed sequence"
        )
    return trial


def _design(data: dict[str, Any]) -> Kind:
    said = fold(str(data.get("design", "factorial" if "factors" in data else "parallel")))
    alias = {"relapse prevention": "withdrawal", "sequential": "smart", "randomised withdrawal": "withdrawal"}
    kind = alias.get(said, said)
    if kind not in KINDS:
        raise InputError(f"unknown design {said!r}", hint=did_you_mean(said, KINDS) or f"known: {', '.join(KINDS)}")
    return kind


def _arms(
    data: dict[str, Any], kind: Kind, *, sentences: bool
) -> tuple[tuple[Arm, ...], dict[str, tuple[str, ...]], int]:
    """Arms, factors with their levels, and the number of second-stage options."""
    field = {"factorial": "factors", "crossover": "periods", "smart": "stages"}.get(kind, "arms")
    for other in ("arms", "factors", "periods", "stages"):
        if other != field and other in data:
            raise InputError(f"a {kind} design has {field}, not {other}")
    raw, options = data.get(field), 1
    factors: dict[str, tuple[str, ...]] = {}
    if kind == "factorial":
        arms, factors = _factorial(raw)
    elif kind == "smart":
        arms, options = _smart(raw)
    elif kind == "crossover":
        pair = _sentences(raw, "periods")
        if len(pair) != 2:
            raise InputError("periods: a crossover has exactly two treatments")
        (a, first), (b, second) = pair.items()
        arms = (Arm(f"{a} then {b}", first, second, (a, b)), Arm(f"{b} then {a}", second, first, (b, a)))
    else:
        arms = tuple(Arm(name, sentence) for name, sentence in _sentences(raw, "arms").items())
    folded = [fold(a.name) for a in arms]
    for name in folded:
        if folded.count(name) > 1:
            raise InputError(f"two arms are called {name!r}: names must differ by more than capital letters")
    if not 2 <= len(arms) <= _MOST_ARMS:
        raise InputError(f"a trial has 2 to {_MOST_ARMS} arms, not {len(arms)}")
    if sentences:
        for arm in arms:
            for sentence in (arm.sentence, arm.second):
                if sentence is not None:
                    _parse(arm.name, sentence)
    return arms, factors, options


def _parse(name: str, sentence: str) -> None:
    try:
        parse(sentence)
    except InputError as error:
        message = f"arm {name!r}: {error.message}"
        raise InputError(message, hint=error.hint, excerpt=error.excerpt, examples=error.examples) from error


def _sentences(raw: Any, where: str) -> dict[str, str]:
    if isinstance(raw, list) and raw and all(isinstance(v, str) for v in raw):
        raw = dict.fromkeys(raw, "")
    if not isinstance(raw, dict) or not raw:
        raise InputError(
            f"{where}: give a name and a sentence for each", examples=(f'{where}: {{active: "iTBS ..."}}',)
        )
    for name, sentence in raw.items():
        if not isinstance(sentence, str | None):
            raise InputError(f"{where}: the sentence of {name!r} must be text")
    return {str(k): (v or "").strip() for k, v in raw.items()}


def _factorial(raw: Any) -> tuple[tuple[Arm, ...], dict[str, tuple[str, ...]]]:
    if not isinstance(raw, dict) or len(raw) < 2:
        raise InputError(
            "factors: a factorial design has at least two",
            examples=('factors: {drug: {given: "...", left out: ""}, ...}',),
        )
    levels = {str(f): _sentences(v, f"factors.{f}") for f, v in raw.items()}
    for factor, found in levels.items():
        if len(found) < 2:
            raise InputError(f"factors.{factor}: a factor has at least two levels")
    arms = []
    for choice in product(*(v.items() for v in levels.values())):
        lines = "\n".join(sentence for _, sentence in choice if sentence)
        arms.append(Arm(", ".join(name for name, _ in choice), lines, None, tuple(name for name, _ in choice)))
    return tuple(arms), {f: tuple(v) for f, v in levels.items()}


def _smart(raw: Any) -> tuple[tuple[Arm, ...], int]:
    example = ("stages: {first: {iTBS: ...}, decide: if no response to iTBS by week 4, then: {ECT: ...}}",)
    if not isinstance(raw, dict) or not {"first", "decide", "then"} <= raw.keys():
        raise InputError("stages: a sequential design has first, decide and then", examples=example)
    known_keys("stages", raw, ("first", "decide", "then"))
    first, then = _sentences(raw["first"], "stages.first"), _sentences(raw["then"], "stages.then")
    if len(then) < 2:
        raise InputError("stages.then: those who do not respond are randomised between at least two options")
    decide = raw["decide"] if isinstance(raw["decide"], dict) else dict.fromkeys(first, raw["decide"])
    arms = []
    for (a, sentence), (b, second) in product(first.items(), then.items()):
        rule = " ".join(str(decide.get(a, "")).split())
        if not rule.startswith("if no "):
            raise InputError(
                "stages.decide: say for each first treatment who goes on",
                examples=("if no response to iTBS by week 4",),
            )
        if "until" in sentence:
            raise InputError(f"stages.first: {a!r} may not hold a decision of its own (until)")
        arms.append(Arm(f"{a}, else {b}", f"{sentence}\n{rule} then {second}", None, (a, b)))
    return tuple(arms), len(then)


def _run_in(data: dict[str, Any]) -> str:
    run_in = str(data.get("run_in") or "").strip()
    if not run_in:
        raise InputError(
            "run_in: a withdrawal design says what everybody is given before",
            examples=("run_in: ECT 3 times a week until remission, at most 12 sessions", "enter: remission"),
        )
    _parse("run_in", run_in)
    return run_in


def _crossover(data: dict[str, Any], days: tuple[int, ...]) -> Crossover:
    return Crossover(days[-1] // 7, int(_number(data.get("washout_weeks", 2), "washout_weeks", 0, 104)))


def _per_arm(raw: Any, search: Search | None) -> tuple[int, ...]:
    if raw is None:
        if search is not None:
            return ()
        raise InputError("per_arm: give the number of patients in each arm", examples=("per_arm: [150, 250, 350]",))
    sizes = raw if isinstance(raw, list) else [raw]
    if not sizes or len(sizes) > 20:
        raise InputError("per_arm: give 1 to 20 numbers")
    for n in sizes:
        if isinstance(n, bool) or not isinstance(n, int) or not 2 <= n <= MOST_PER_ARM:
            raise InputError(f"per_arm must be a whole number between 2 and {MOST_PER_ARM:,}, not {n!r}")
    return tuple(sorted(set(sizes)))


def _search(raw: Any) -> Search | None:
    if raw is None:
        return None
    fields = _fields(raw, "sample_size", ("power", "from", "to"))
    return Search(
        power=_share(fields.get("power", 0.8), "sample_size.power"),
        low=int(_number(fields.get("from", 10), "sample_size.from", 2, MOST_PER_ARM)),
        high=int(_number(fields.get("to", 2000), "sample_size.to", 2, MOST_PER_ARM)),
    )


def _multiplicity(raw: Any) -> Multiplicity:
    words = fold(str(raw))
    words = {"gatekeeping": "fixed sequence", "order": "fixed sequence"}.get(words, words)
    if words not in MULTIPLICITIES:
        raise InputError(f"unknown multiplicity {raw!r}", hint=f"known: {', '.join(MULTIPLICITIES)}")
    return words


def _looks(raw: Any) -> Looks | None:
    if raw is None:
        return None
    if isinstance(raw, list):
        raw = {"at": raw}
    fields = _fields(raw, "looks", ("at", "spending", "gamma"))
    at = fields.get("at")
    if not isinstance(at, list):
        raise InputError(
            "looks: give the fractions of the information", examples=("looks: {at: [0.5, 1], spending: pocock}",)
        )
    spending = fold(str(fields.get("spending", "obrien-fleming"))).replace("'", "").replace(" ", "-")
    if spending not in SPENDINGS:
        raise InputError(f"unknown alpha spending {spending!r}", hint=f"known: {', '.join(SPENDINGS)}")
    numbers = tuple(_number(v, "looks.at", 0, 1) for v in at)
    return Looks(numbers, spending, _number(fields.get("gamma", -4), "looks.gamma", -20, 20))


def _conduct(data: dict[str, Any], stated: bool) -> Conduct:
    made = Conduct(dropout=_dropout(data.get("dropout"), stated))
    if "missed_sessions" in data:
        made = replace(made, missed_sessions=_share(data["missed_sessions"], "missed_sessions"))
    if data.get("missed_visits") is not None:
        made = replace(made, missed_visits=_missed_visits(data["missed_visits"]))
    if data.get("sites") is not None:
        raw = data["sites"] if isinstance(data["sites"], dict) else {"number": data["sites"]}
        fields = _fields(raw, "sites", ("number", "sd", "effect_sd"))
        numbers = {k: _number(v, f"sites.{k}", 0, 500) for k, v in fields.items()}
        if numbers.get("number", 0.0) % 1:
            raise InputError(f"sites.number must be a whole number, not {numbers['number']:g}")
        made = replace(made, sites=Sites(int(numbers.pop("number", 0)), **numbers))
    if data.get("guessing") is not None:
        fields = _fields(data["guessing"], "guessing", ("treated", "control", "points"))
        if set(fields) != {"treated", "control", "points"}:
            raise InputError(
                "guessing: needs treated, control and points",
                examples=("guessing: {treated: 0.7, control: 0.4, points: 1.5}",),
            )
        treated, control = (_share(fields[k], f"guessing.{k}") for k in ("treated", "control"))
        points = _number(fields["points"], "guessing.points", -20, 20)
        made = replace(made, guessing=Guessing(treated, control, points))
    if data.get("enrolment") is not None:
        fields = _fields(data["enrolment"], "enrolment", ("per_month",))
        if "per_month" in fields:
            made = replace(made, per_month=_number(fields["per_month"], "enrolment.per_month", 0.1, 10_000))
    return made


def _missed_visits(raw: Any) -> MissedVisits:
    fields = _fields(raw, "missed_visits", ("share", "per_point")) if isinstance(raw, dict) else {"share": raw}
    if "share" not in fields:
        raise InputError(
            "missed_visits: give the share of visits missed",
            examples=("missed_visits: {share: 10 %, per_point: 0.05}",),
        )
    slope = _number(fields.get("per_point", 0.0), "missed_visits.per_point", -1, 1)
    return MissedVisits(_share(fields["share"], "missed_visits.share"), slope)


def _dropout(raw: Any, stated: bool) -> Dropout:
    if raw is None:
        return Dropout("none") if stated else Dropout()
    raw = raw if isinstance(raw, dict) else {"mechanism": raw}
    fields = _fields(raw, "dropout", ("mechanism", "weekly_hazard", "per_point"))
    words = str(fields.get("mechanism", "MNAR"))
    match = [m for m in MECHANISMS if m.casefold() == words.casefold()]
    if not match:
        raise InputError(f"dropout: unknown mechanism {words!r}", hint=f"known: {', '.join(MECHANISMS)}")
    numbers = {
        k: _number(fields[k], f"dropout.{k}", -1, 1)
        for k in ("weekly_hazard", "per_point")
        if fields.get(k) is not None
    }
    if stated and match[0] != "none" and "weekly_hazard" not in numbers:
        raise InputError(
            "dropout: a stated effect has no parameter set: give weekly_hazard",
            examples=("dropout: {mechanism: MAR, weekly_hazard: 0.01, per_point: 0.03}",),
        )
    return Dropout(match[0], numbers.get("weekly_hazard"), numbers.get("per_point"))


def read_effect(raw: Any, arms: tuple[Arm, ...]) -> Effect:
    """A stated effect: means, probabilities or shares with the event by arm, in the order of the arms."""
    fields = _fields(
        raw,
        "effect",
        ("kind", "values", "sd", "correlation", "baseline", "by_week", "unknown", "difference", "hazard_ratio"),
    )
    kind = fold(str(fields.get("kind", "normal")))
    if kind not in ("normal", "binary", "exponential"):
        raise InputError(f"effect: unknown kind {kind!r}", hint="known: normal, binary, exponential")
    values = fields.get("values")
    if isinstance(values, dict):
        names = {fold(str(k)): v for k, v in values.items()}
        missing = [a.name for a in arms if fold(a.name) not in names]
        if missing or len(names) != len(arms):
            raise InputError(f"effect.values: one value for each arm: {', '.join(a.name for a in arms)}")
        values = [names[fold(a.name)] for a in arms]
    if values is None and kind == "normal" and "difference" in fields and len(arms) == 2:
        values = [0.0, _number(fields["difference"], "effect.difference", -100, 100)]
    if not isinstance(values, list) or len(values) != len(arms):
        raise InputError(
            f"effect.values: one value for each of the {len(arms)} arms",
            examples=("effect: {kind: binary, values: [0.3, 0.5]}",),
        )
    low, high = (-200.0, 200.0) if kind == "normal" else (0.0, 1.0)
    numbers = tuple(_number(v, "effect.values", low, high) for v in values)
    if kind == "exponential" and not all(0 < v < 1 for v in numbers):
        raise InputError("effect.values: shares with the event must lie between 0 and 1")
    return Effect(
        kind=cast(Any, kind),
        values=numbers,
        sd=_number(fields.get("sd", 8.0), "effect.sd", 0.01, 200),
        correlation=_number(fields.get("correlation", 0.5), "effect.correlation", 0, 0.99),
        baseline=_number(fields.get("baseline", 24.0), "effect.baseline", 0, 200),
        by_week=int(_number(fields.get("by_week", 26), "effect.by_week", 1, 520)),
        unknown=_number(fields.get("unknown", 0.0), "effect.unknown", 0, 100),
    )


def _fields(raw: Any, where: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise InputError(f"{where}: expected fields: {', '.join(known)}")
    fields = {str(k): v for k, v in raw.items()}
    known_keys(where, cast(dict[str, object], fields), known)
    return fields


def _number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{where} must be a number between {low:g} and {high:g}, not {value!r}")
    return float(value)


def _share(value: Any, where: str) -> float:
    text = str(value).strip()
    if text.endswith("%"):
        try:
            return _number(float(text[:-1]) / 100, where, 0, 1)
        except ValueError:
            raise InputError(f"{where} must be a share, not {value!r}", examples=("80 %", "0.8")) from None
    return _number(value, where, 0, 1)

"""Endpoints and contrasts of a trial file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from cotreat.measures.errors import InputError
from cotreat.measures.relapse import RelapseDefinition, default_relapse, read_relapse_definition
from cotreat.measures.scales import scale as find_scale
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.population.populations import points_per_hamd17
from cotreat.trial.virtual.design import (
    ANALYSIS_SETS,
    TESTS,
    AnalysisSet,
    Arm,
    Contrast,
    Effect,
    Endpoint,
    EndpointKind,
    Kind,
    Missing,
    What,
)
from cotreat.trial.virtual.phrases import PHRASES, Named, known_keys, read_missing, read_name

_KINDS: dict[str, tuple[EndpointKind, str | None]] = {
    "ancova": ("ancova", None),
    "change": ("ancova", None),
    "mean": ("ancova", None),
    "t": ("t", None),
    "t test": ("t", None),
    "mmrm": ("mmrm", None),
    "proportion": ("proportion", None),
    "response": ("proportion", None),
    "remission": ("proportion", None),
    "newcombe": ("proportion", "newcombe"),
    "chi2": ("proportion", "chi2"),
    "cmh": ("proportion", "cmh"),
    "logistic": ("proportion", "logistic"),
    "time to relapse": ("time", None),
    "time": ("time", None),
    "survival": ("time", None),
    "log-rank": ("time", "log-rank"),
    "logrank": ("time", "log-rank"),
    "cox": ("time", "cox"),
    "rmst": ("time", "rmst"),
}
_KEYS = (
    "name", "kind", "test", "what", "week", "scale", "contrast", "analysis_set", "dropout", "primary", "margin",
    "definition", "tau_weeks",
)  # fmt: skip
_ALLOWED: dict[EndpointKind, tuple[Missing, ...]] = {
    "ancova": ("observed", "last observation", "baseline"),
    "t": ("observed", "last observation", "baseline"),
    "mmrm": ("at random",),
    "proportion": ("failure", "observed", "last observation"),
    "time": ("censored", "event"),
}
EXAMPLE = "- {name: well at week 26, kind: proportion, primary: true}"


@dataclass(frozen=True)
class Plan:
    """What endpoints are read against: the kind of trial, its arms and factors, its visits, its scale and effect."""

    kind: Kind
    arms: tuple[Arm, ...]
    factors: dict[str, tuple[str, ...]]
    days: tuple[int, ...]
    scale: str
    effect: Effect | None
    starts_well: bool = False


def read_endpoints(raw: Any, plan: Plan) -> tuple[Endpoint, ...]:
    """Every endpoint of a file, one for each contrast it asks for."""
    if not isinstance(raw, list) or not raw:
        raise InputError("endpoints: give at least one", examples=(EXAMPLE,))
    found = [e for i, entry in enumerate(raw) for e in _one(entry, f"endpoints[{i}]", plan)]
    names = [e.name for e in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"endpoints: {name!r} is there twice")
    return tuple(found)


def _one(raw: Any, where: str, plan: Plan) -> list[Endpoint]:
    if not isinstance(raw, dict):
        raise InputError(f"{where}: an endpoint has fields such as name and kind", examples=(EXAMPLE,))
    known_keys(where, raw, _KEYS)
    name = " ".join(raw["name"].split()) if isinstance(raw.get("name"), str) else ""
    if not name:
        raise InputError(f"{where}: an endpoint needs a name", examples=(EXAMPLE,))
    said = read_name(name)
    kind, test = _kind(raw, where, said)
    what = _what(raw, where, kind, said)
    scale = find_scale(str(raw.get("scale", plan.scale))).id
    points_per_hamd17(scale)  # refuses a scale that the model cannot show
    week = _week(raw, where, plan, kind, said)
    contrasts = contrasts_of(raw.get("contrast"), said, plan, where)
    definition = _definition(raw.get("definition"), scale, what)
    missing = read_missing(raw["dropout"]) if "dropout" in raw else _ALLOWED[kind][0]
    if kind == "proportion" and missing == "event":
        missing = "failure"
    if missing not in _ALLOWED[kind]:
        known = "; ".join(PHRASES[m] for m in _ALLOWED[kind])
        raise InputError(f"{where}: {kind} cannot take a loss as {str(raw['dropout'])!r}", hint=f"it can as: {known}")
    out: list[Endpoint] = []
    for contrast in contrasts:
        chosen = test or _default_test(kind, contrast)
        _check_test(chosen, contrast, where)
        out.append(
            Endpoint(
                name=name if len(contrasts) == 1 else f"{name}: {contrast.text}",
                kind=kind,
                test=chosen,
                what=what,
                week=week,
                scale=scale,
                contrast=contrast,
                analysis_set=_set(raw, where, plan, what),
                missing=missing,
                primary=_flag(raw.get("primary", False), where),
                margin=_margin(raw.get("margin"), where, kind, chosen),
                definition=definition,
                tau=7.0 * float(_number(raw["tau_weeks"], f"{where}.tau_weeks", 1, week))
                if "tau_weeks" in raw
                else None,
            )
        )
    return out


def _kind(raw: dict[str, Any], where: str, said: Named) -> tuple[EndpointKind, str | None]:
    words = fold(str(raw.get("kind", "proportion" if said.what and said.what != "relapse" else "")))
    if words not in _KINDS:
        hint = did_you_mean(words, _KINDS) or f"known: {', '.join(_KINDS)}"
        raise InputError(f"{where}: unknown kind {raw.get('kind', '')!r}", hint=hint)
    kind, test = _KINDS[words]
    if "test" in raw:
        test = fold(str(raw["test"]))
        if test not in TESTS[kind]:
            raise InputError(f"{where}: unknown test {test!r} for {kind}", hint=f"known: {', '.join(TESTS[kind])}")
    return kind, test


def _what(raw: dict[str, Any], where: str, kind: EndpointKind, said: Named) -> What:
    words = fold(str(raw["what"])) if "what" in raw else said.what
    if kind == "time":
        return "relapse"
    if kind != "proportion":
        return "score"
    if words not in ("well", "response", "remission", "relapse"):
        raise InputError(
            f"{where}: a proportion of what? well, response, remission or relapse", examples=(EXAMPLE, "what: response")
        )
    return cast(What, words)


def _week(raw: dict[str, Any], where: str, plan: Plan, kind: EndpointKind, said: Named) -> int:
    week = raw.get("week", said.week)
    if week is None:
        week = plan.days[-1] // 7
    week = int(_number(week, f"{where}.week", 1, 520))
    if 7 * week not in plan.days and kind != "time":
        weeks = ", ".join(str(d // 7) for d in plan.days)
        raise InputError(f"{where}: never measured at week {week}: the visits are in weeks {weeks}")
    if kind == "time" and 7 * week > plan.days[-1]:
        raise InputError(f"{where}: week {week} lies after the last visit, week {plan.days[-1] // 7}")
    return week


def _definition(text: Any, scale: str, what: What) -> RelapseDefinition | None:
    if what not in ("relapse", "well"):
        if text is not None:
            raise InputError("definition: only an endpoint about relapse or being well has a definition of relapse")
        return None
    definition = default_relapse(scale) if text is None else read_relapse_definition(str(text), scale)
    if not definition.by_score:
        raise InputError(f"definition: relapse by events alone is not modelled: {definition.not_modelled}")
    if text is not None and definition.note and "could not be read" in definition.note:
        raise InputError(f"definition: {definition.note}", examples=("definition: HAM-D17 >= 16 on two visits",))
    return definition


def _default_test(kind: EndpointKind, contrast: Contrast) -> str:
    if kind != "proportion":
        return TESTS[kind][0]
    if contrast.interaction:
        return "risk"
    return "cmh" if len(contrast.pairs) > 1 else "newcombe"


def _check_test(test: str, contrast: Contrast, where: str) -> None:
    if contrast.interaction and test in ("newcombe", "chi2", "cmh", "log-rank"):
        other = "cox or rmst" if test == "log-rank" else "risk or logistic"
        raise InputError(f"{where}: {test} cannot test an interaction", hint=f"use {other}")
    if len(contrast.pairs) > 1 and test in ("newcombe", "chi2"):
        raise InputError(f"{where}: {test} compares two arms; over the levels of another factor use cmh or logistic")


def _set(raw: dict[str, Any], where: str, plan: Plan, what: What) -> AnalysisSet:
    remission_first = what == "relapse" and not (plan.kind == "withdrawal" or plan.effect or plan.starts_well)
    words = fold(str(raw.get("analysis_set", "remitters" if remission_first else "everyone")))
    if words not in ANALYSIS_SETS:
        raise InputError(f"{where}: unknown analysis set {words!r}", hint=f"known: {', '.join(ANALYSIS_SETS)}")
    if remission_first and words in ("everyone", "completers"):
        raise InputError(
            f"{where}: who never remitted cannot relapse: count relapse among remitters or responders, or use well",
            examples=("analysis_set: remitters", "kind: proportion, what: well"),
        )
    if plan.effect is not None and words in ("remitters", "responders"):
        raise InputError(f"{where}: a stated effect has no {words}: the analysis set is everyone or completers")
    return words


def _margin(value: Any, where: str, kind: EndpointKind, test: str) -> float | None:
    if value is None:
        return None
    if kind == "time" or test in ("chi2", "cmh", "logistic"):
        raise InputError(f"{where}: non-inferiority is tested for scores, and for proportions with newcombe or risk")
    text = str(value).strip()
    share = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", text)
    number = float(share[1]) / 100 if share else float(_number(value, f"{where}.margin", 0, 100))
    if number <= 0 or (kind == "proportion" and number >= 1):
        raise InputError(f"{where}: the margin must lie above 0{' and below 1' if kind == 'proportion' else ''}")
    return number


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where}: primary is true or false, not {value!r}")
    return value


def _number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{where} must be a number between {low:g} and {high:g}, not {value!r}")
    return float(value)


# ---- contrasts ------------------------------------------------------------------------------------------------------


def contrasts_of(text: Any, said: Named, plan: Plan, where: str) -> list[Contrast]:
    """The contrasts an endpoint asks for.

    Nothing said: in a factorial trial the main effect of its first factor, or the interaction when the name says so;
    otherwise every arm against the first. "drug" is the main effect of a factor, "A vs B" two arms.
    """
    names = [a.name for a in plan.arms]
    if plan.kind == "crossover":
        if text is not None or said.interaction:
            raise InputError(f"{where}: a crossover has one contrast, between its two treatments: leave it out")
        one, other = plan.arms[0].levels
        return [Contrast(f"{one} against {other}, within patients", (0.5, -0.5), ((0, 1),))]
    if text is None:
        if said.interaction:
            return [_interaction(plan, where)]
        if plan.factors:
            return [_main_effect(next(iter(plan.factors)), plan)]
        return [_pair(i, 0, plan) for i in range(1, len(plan.arms))]
    words = " ".join(str(text).split())
    if fold(words) == "interaction":
        return [_interaction(plan, where)]
    for factor in plan.factors:
        if fold(factor) == fold(words):
            return [_main_effect(factor, plan)]
    sides = re.split(r"\s+(?:vs\.?|versus|against)\s+", words)
    if len(sides) == 2:
        index = []
        for side in sides:
            match = [i for i, n in enumerate(names) if fold(n) == fold(side)]
            if not match:
                raise InputError(
                    f"{where}: no arm {side!r}", hint=did_you_mean(side, names) or f"arms: {', '.join(names)}"
                )
            index.append(match[0])
        if index[0] == index[1]:
            raise InputError(f"{where}: an arm cannot be compared with itself")
        return [_pair(index[0], index[1], plan)]
    known = [*plan.factors, *(["interaction"] if len(plan.factors) == 2 else []), f"{names[-1]} vs {names[0]}"]
    raise InputError(f"{where}: cannot read the contrast {words!r}", examples=tuple(known[:3]))


def _pair(one: int, other: int, plan: Plan) -> Contrast:
    weights = [0.0] * len(plan.arms)
    weights[one], weights[other] = 1.0, -1.0
    return Contrast(f"{plan.arms[one].name} against {plan.arms[other].name}", tuple(weights), ((one, other),))


def _main_effect(factor: str, plan: Plan) -> Contrast:
    position = list(plan.factors).index(factor)
    levels = plan.factors[factor]
    if len(levels) != 2:
        raise InputError(f"the main effect of {factor!r} needs exactly two levels", hint="name two arms: A vs B")
    pairs = []
    for i, arm in enumerate(plan.arms):
        if arm.levels[position] == levels[0]:
            twin = tuple(levels[1] if k == position else v for k, v in enumerate(arm.levels))
            pairs.append((i, next(j for j, a in enumerate(plan.arms) if a.levels == twin)))
    weights = [0.0] * len(plan.arms)
    for i, j in pairs:
        weights[i], weights[j] = 1 / len(pairs), -1 / len(pairs)
    others = [f for f in plan.factors if f != factor]
    return Contrast(
        f"{factor}: {levels[0]} against {levels[1]}, over {' and '.join(others)}", tuple(weights), tuple(pairs)
    )


def _interaction(plan: Plan, where: str) -> Contrast:
    if len(plan.factors) != 2 or any(len(v) != 2 for v in plan.factors.values()):
        raise InputError(f"{where}: an interaction needs a factorial design of two factors with two levels each")
    (f, (a, b)), (g, (c, d)) = plan.factors.items()
    sign = {(a, c): 1.0, (b, c): -1.0, (a, d): -1.0, (b, d): 1.0}
    weights = tuple(sign[(arm.levels[0], arm.levels[1])] for arm in plan.arms)
    where_is = {arm.levels: i for i, arm in enumerate(plan.arms)}
    pairs = ((where_is[(a, c)], where_is[(b, c)]), (where_is[(a, d)], where_is[(b, d)]))
    return Contrast(f"{f} ({a} less {b}) with {g} {c}, less the same with {d}", weights, pairs, interaction=True)

"""The rule pack: rules, definitions, limits of stimulation trains and groups of drugs, as one file of data."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast, get_args

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.safety.expression import Expression, names_in, read, syntax
from cotreat.safety.vocabulary import vocabulary

Stage = Literal["regimen", "patient", "session", "application"]
Severity = Literal["block", "warn", "info"]
STAGES: tuple[Stage, ...] = get_args(Stage)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
LANGUAGES = ("en", "ko", "ja")
NEEDS = ("", "tms", "ect", "ketamine", "esketamine", "cycloserine", "taper")
LARGEST = 4 << 20
MOST_RULES = 2000
_RULE_FIELDS = {
    "id": True, "stage": True, "group": True, "needs": False, "condition": True, "demand": False, "severity": True,
    "message": True, "rationale": True, "source": True, "reference": False, "confirmed": True, "version": True,
}  # fmt: skip
_PACK_FIELDS = (
    "version", "released", "unreviewed_languages", "extends", "parameters", "train_limits", "groups", "other_drugs",
    "diazepam_equivalents", "definitions", "rules",
)  # fmt: skip
PARAMETERS = (
    "abrupt_share", "abrupt_days", "washout_half_lives", "washout_unknown_days", "withdrawal_days",
    "small_step_occupancy", "small_step_share", "days_on_before", "taper_pause_days",
    "step_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. It fires when its condition is true on some day of some way the regimen can go.

    ``needs``: what must be in the regimen for the rule to apply at all ("taper X" names a drug or group).
    ``confirmed``: its core claim was read in its source. ``message`` by language; ko and ja are translations that
    nobody has reviewed yet. ``demand``: when a fact that it lacks must be known before a plan is printed (None:
    always).
    """

    id: str
    stage: Stage
    group: str
    needs: str
    severity: Severity
    message: Mapping[str, str]
    rationale: str
    source: str
    reference: str
    confirmed: bool
    version: str
    condition: Expression
    demand: Expression | None = None

    def text(self, language: str = "en") -> str:
        """The message in a language, in English where there is none."""
        return self.message.get(language) or self.message["en"]


@dataclass(frozen=True, slots=True)
class TrainLimits:
    """Longest train in seconds by frequency (Hz) and intensity (% of resting motor threshold).

    ``verified_by`` names who has compared the table with its source; None until somebody has.
    """

    rows: tuple[tuple[float, float, float], ...]
    source: str
    verified_by: str | None

    def seconds(self, hertz: float, percent: float) -> float | None:
        """The limit of the next stricter entry; None beyond the table: it is never extrapolated."""
        frequencies = sorted({r[0] for r in self.rows if r[0] >= hertz})
        intensities = sorted({r[1] for r in self.rows if r[1] >= percent})
        if not frequencies or not intensities:
            return None
        return next(s for hz, pct, s in self.rows if hz == frequencies[0] and pct == intensities[0])


@dataclass(frozen=True)
class Pack:
    """A whole rule pack. ``hash`` is the SHA-256 of its content; it does not depend on layout or order of keys."""

    version: str
    released: str
    hash: str
    rules: tuple[Rule, ...]
    parameters: Mapping[str, float]
    train_limits: TrainLimits
    groups: Mapping[str, frozenset[str]]
    other_drugs: Mapping[str, frozenset[str]]
    diazepam_equivalents: Mapping[str, float]
    definitions: Mapping[str, Expression] = field(repr=False, default_factory=dict)
    unreviewed_languages: tuple[str, ...] = ()

    def members(self, word: str) -> frozenset[str]:
        """Drugs that a word for a drug or a group stands for."""
        return self.groups.get(word, frozenset({word}))

    def rule(self, rule_id: str) -> Rule:
        """The rule of an id; InputError, with near ids, when there is none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise InputError(f"unknown rule {rule_id!r}", hint=did_you_mean(rule_id, [r.id for r in self.rules]))


def load_pack(path: str | Path | None = None) -> Pack:
    """The packaged rules, or those of a YAML file.

    A file with ``extends: cotreat`` changes the packaged rules: its rules, by id, and its other entries replace theirs.
    Raises InputError when anything in the file cannot be read, names something unknown or refers to itself in a circle;
    nothing is evaluated then.
    """
    if path is None:
        return _packaged()
    where = str(path)
    return build(_merged(_document(_bytes(Path(path), where), where), where), where)


@cache
def _packaged() -> Pack:
    return build(packaged_document(), "packaged rules")


@cache
def _packaged_bytes() -> bytes:
    return (files("cotreat.safety") / "data" / "rules.yaml").read_bytes()


def packaged_document() -> dict[str, Any]:
    """The content of the packaged rules, as read from the file."""
    return _document(_packaged_bytes(), "packaged rules")


def _bytes(path: Path, where: str) -> bytes:
    try:
        if path.is_dir():
            raise InputError(f"{where} is a directory, not a file")
        if path.stat().st_size > LARGEST:
            raise InputError(f"{where} is larger than {LARGEST >> 20} MB: not a rule pack")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {where}: {getattr(error, 'strerror', None) or error}") from error


def _document(content: bytes, where: str) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = content.decode("utf-8")
        # An anchor can unfold to more than memory holds, and a rule pack needs none.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, loader)):
            raise InputError(f"{where}: anchors and aliases are not used in a rule pack")
        document = yaml.load(text, loader)
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not a text file in UTF-8") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{where}: not valid YAML{line}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(document, dict) or not document:
        raise InputError(f"{where}: expected fields such as version and rules")
    unknown = [str(k) for k in document if k not in _PACK_FIELDS]
    if unknown:
        raise InputError(f"{where}: unknown field {unknown[0]!r}", hint=did_you_mean(unknown[0], _PACK_FIELDS))
    return document


def _merged(document: dict[str, Any], where: str) -> dict[str, Any]:
    if "extends" not in document:
        return document
    if document["extends"] != "cotreat":
        raise InputError(f"{where}: a rule file can extend cotreat, not {document['extends']!r}")
    base = packaged_document()
    for name in ("parameters", "groups", "other_drugs", "diazepam_equivalents", "definitions"):
        base[name] = base[name] | _mapping(document.get(name, {}), name, where)
    if "train_limits" in document:
        base["train_limits"] = document["train_limits"]
    by_id = {r["id"]: r for r in base["rules"]}
    for number, entry in enumerate(_list(document.get("rules", []), "rules", where), 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise InputError(f"{where}: rule {number} has no id")
        by_id[entry["id"]] = by_id.get(entry["id"], {}) | entry
    base["rules"] = list(by_id.values())
    base["version"] = f"{base['version']} changed by {document.get('version', 'an unnamed file')}"
    return base


# ---- checking and building --------------------------------------------------------------------------------------


def build(document: Mapping[str, Any], where: str) -> Pack:
    """The pack of a document; InputError unless every part of it is right."""
    version = document.get("version")
    if not isinstance(version, str) or not version.strip():
        raise InputError(f"{where}: version is missing")
    entries = _list(document.get("rules"), "rules", where)
    if not entries:
        raise InputError(f"{where}: there are no rules")
    if len(entries) > MOST_RULES:
        raise InputError(f"{where}: {len(entries)} rules are more than {MOST_RULES}")
    parameters = {
        k: _number(v, f"{where}: parameter {k}")
        for k, v in _mapping(document.get("parameters"), "parameters", where).items()
    }
    for name in parameters.keys() ^ set(PARAMETERS):
        problem = "is missing" if name in PARAMETERS else "is not known"
        raise InputError(f"{where}: parameter {name!r} {problem}", hint=did_you_mean(name, PARAMETERS))
    others = {
        fold(str(k)): frozenset(_words(v, f"{where}: other drug {k}"))
        for k, v in _mapping(document.get("other_drugs", {}), "other_drugs", where).items()
    }
    groups = _groups(_mapping(document.get("groups", {}), "groups", where), others, where)
    drugs = frozenset(groups) | frozenset(others) | _catalogue_ids()
    definitions = _definitions(_mapping(document.get("definitions", {}), "definitions", where), drugs, where)
    return Pack(
        version=version.strip(),
        released=str(document.get("released", "")),
        hash=digest(document),
        rules=_rules(entries, drugs, definitions, where),
        parameters=parameters,
        train_limits=_train_limits(document.get("train_limits"), where),
        groups=groups,
        other_drugs=others,
        diazepam_equivalents={
            _known(str(k), drugs, where): _number(v, f"{where}: diazepam equivalent of {k}")
            for k, v in _mapping(document.get("diazepam_equivalents", {}), "diazepam_equivalents", where).items()
        },
        definitions=definitions,
        unreviewed_languages=_words(document.get("unreviewed_languages", []), f"{where}: unreviewed_languages"),
    )


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of a pack's content."""
    import hashlib
    import json

    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _rules(
    entries: list[Any], drugs: frozenset[str], definitions: dict[str, Expression], where: str
) -> tuple[Rule, ...]:
    words = vocabulary(drugs, definitions)
    found: dict[str, Rule] = {}
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise InputError(f"{where}: rule {number} is not a list of fields")
        name = f"{where}: rule {entry.get('id', number)}"
        for field_name, needed in _RULE_FIELDS.items():
            if needed and entry.get(field_name) in (None, ""):
                raise InputError(f"{name}: {field_name} is missing")
        unknown = [str(k) for k in entry if k not in _RULE_FIELDS]
        if unknown:
            raise InputError(f"{name}: unknown field {unknown[0]!r}", hint=did_you_mean(unknown[0], _RULE_FIELDS))
        if str(entry["id"]) in found:
            raise InputError(f"{name} is given twice")
        found[str(entry["id"])] = _rule(entry, words, drugs, name)
    return tuple(found.values())


def _rule(entry: Mapping[str, Any], words: Any, drugs: frozenset[str], name: str) -> Rule:
    for field_name, allowed in (("stage", STAGES), ("severity", SEVERITIES), ("confirmed", ("seen", "memory"))):
        if entry[field_name] not in allowed:
            raise InputError(f"{name}: {field_name} is one of {', '.join(allowed)}, not {entry[field_name]!r}")
    needs = entry.get("needs") or ""
    kind, _, drug = str(needs).partition(" ")
    if kind not in NEEDS or (drug and (kind != "taper" or drug not in drugs)):
        raise InputError(f"{name}: needs is one of {', '.join(NEEDS[1:])} or `taper DRUG`, not {needs!r}")
    message = entry["message"]
    if not isinstance(message, dict) or not message.get("en") or not all(isinstance(m, str) for m in message.values()):
        raise InputError(f"{name}: message needs at least an English text (en)")
    foreign = [k for k in message if k not in LANGUAGES]
    if foreign:
        raise InputError(f"{name}: message in {foreign[0]!r}", hint=f"Languages are {', '.join(LANGUAGES)}.")
    condition = _truth(entry, "condition", words, name)
    demand = None if entry.get("demand") is None else _truth(entry, "demand", words, name)
    return Rule(
        str(entry["id"]),
        cast(Stage, entry["stage"]),
        str(entry["group"]),
        str(needs),
        cast(Severity, entry["severity"]),
        dict(message),
        str(entry["rationale"]),
        str(entry["source"]),
        str(entry.get("reference") or ""),
        entry["confirmed"] == "seen",
        str(entry["version"]),
        condition,
        demand,
    )


def _truth(entry: Mapping[str, Any], field_name: str, words: Any, name: str) -> Expression:
    if not isinstance(entry[field_name], str):
        raise InputError(f"{name}: the {field_name} is a text, not {entry[field_name]!r}")
    found = read(entry[field_name], words, name)
    if found.kind != "truth":
        raise InputError(f"{name}: the {field_name} is a {found.kind}, not something true or false")
    return found


def _definitions(raw: Mapping[str, Any], drugs: frozenset[str], where: str) -> dict[str, Expression]:
    """Definitions in an order in which each rests on earlier ones; InputError for a circle."""
    trees: dict[str, tuple[str, ast.expr]] = {}
    for name, text in raw.items():
        if not isinstance(name, str) or not name.isidentifier() or not isinstance(text, str):
            raise InputError(f"{where}: definition {name!r} must be a name with a text")
        trees[name] = (text, syntax(text, f"{where}: definition {name}"))
    rests_on = {name: names_in(tree) & trees.keys() for name, (_, tree) in trees.items()}
    ready: dict[str, Expression] = {}
    while len(ready) < len(trees):
        free = [name for name in trees if name not in ready and rests_on[name] <= ready.keys()]
        if not free:
            circle = " and ".join(sorted(name for name in trees if name not in ready))
            raise InputError(f"{where}: definitions refer to themselves in a circle: {circle}")
        for name in free:
            words = vocabulary(drugs, dict(ready))
            if name in words.names or name in words.functions:
                raise InputError(f"{where}: definition {name} hides a fact of the same name")
            ready[name] = read(trees[name][0], words, f"{where}: definition {name}")
    return ready


def _groups(raw: Mapping[str, Any], others: Mapping[str, frozenset[str]], where: str) -> dict[str, frozenset[str]]:
    """Members of every group: those of the catalogue, those of other drugs, and groups made of groups."""
    from cotreat.catalogue.drug_table import drugs

    found: dict[str, set[str]] = {}
    for entry in drugs():
        for group in entry.groups:
            found.setdefault(group, set()).add(entry.id)
    for name, its in others.items():
        for group in its:
            found.setdefault(group, set()).add(name)
    ids = _catalogue_ids() | others.keys()
    for name, members in raw.items():
        made: set[str] = set()
        for member in _words(members, f"{where}: group {name}"):
            if member not in found and member not in ids:
                hint = did_you_mean(member, [*found, *ids])
                raise InputError(f"{where}: group {name}: unknown drug or group {member!r}", hint=hint)
            made |= found.get(member, {member})
        found[str(name)] = found.get(str(name), set()) | made
    return {name: frozenset(members) for name, members in found.items()}


@cache
def _catalogue_ids() -> frozenset[str]:
    from cotreat.catalogue.drug_table import drugs

    return frozenset(d.id for d in drugs())


def _train_limits(raw: Any, where: str) -> TrainLimits:
    table = _mapping(raw, "train_limits", where)
    rows = []
    for row in _list(table.get("rows"), "train_limits: rows", where):
        if not isinstance(row, list) or len(row) != 3:
            raise InputError(f"{where}: a train limit is [Hz, percent, seconds], not {row!r}")
        hertz, percent, seconds = (_number(x, f"{where}: train limit") for x in row)
        rows.append((hertz, percent, seconds))
    grid = {(r[0], r[1]) for r in rows}
    if len(grid) != len(rows) or len(grid) != len({r[0] for r in rows}) * len({r[1] for r in rows}) or not rows:
        raise InputError(f"{where}: train limits must give one figure for each frequency at each intensity")
    verified = table.get("verified_by")
    return TrainLimits(tuple(rows), str(table.get("source", "")), None if verified is None else str(verified))


def _known(name: str, drugs: frozenset[str], where: str) -> str:
    if name not in drugs:
        raise InputError(f"{where}: unknown drug {name!r}", hint=did_you_mean(name, drugs))
    return name


def _mapping(value: Any, name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: {name} is missing or not a list of fields")
    return value


def _list(value: Any, name: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: {name} is missing or not a list")
    return value


def _words(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise InputError(f"{where} is a list of words, not {value!r}")
    return tuple(value)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise InputError(f"{where} is a number, not {value!r}")
    return float(value)

"""Conditions of rules: a small expression language, read once, checked in full, then evaluated without Python's eval.

Allowed are ``and``, ``or``, ``not``, comparisons, ``in`` with a list of constants, ``+`` and ``*``, names (one dot
allowed) and calls of known functions. Everything else is refused when the rule is read, with the place in the text.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean
from cotreat.safety.truth import Number, Truth, Value, compare, conjunction, disjunction, equal, negation, plus, times

Kind = Literal["truth", "number", "text"]
LONGEST = 2000
DEEPEST = 40

_COMPARE: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class Facts(Protocol):
    """What an expression is evaluated on."""

    def value(self, name: str) -> Value:
        """The value of a name, None when it is not known."""

    def call(self, name: str, arguments: tuple[Value, ...]) -> Value:
        """The value of a function, None when it is not known."""


Evaluator = Callable[[Facts], Value]


@dataclass(frozen=True, slots=True)
class Signature:
    """A function: kind of its result, and for each argument a kind or the words it may be.

    ``repeated``: the last argument may be given more than once. ``dated``: its value depends on the day of the plan.
    """

    result: Kind
    arguments: tuple[Kind | frozenset[str], ...]
    repeated: bool = False
    dated: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """A name: its kind, the words it may be (text only), and whether it depends on the day of the plan."""

    kind: Kind
    choices: frozenset[str] = frozenset()
    dated: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. ``names`` and ``functions`` are what it reads, definitions included."""

    text: str
    kind: Kind
    evaluate: Evaluator = field(repr=False, compare=False)
    names: frozenset[str] = frozenset()
    functions: frozenset[tuple[str, ...]] = frozenset()
    dated: bool = False

    def truth(self, facts: Facts) -> Truth:
        """The expression as true, false or None."""
        return cast(Truth, self.evaluate(facts))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What expressions may mention."""

    names: Mapping[str, Named]
    functions: Mapping[str, Signature]
    defined: Mapping[str, Expression] = field(default_factory=dict)


def read(text: str, vocabulary: Vocabulary, where: str) -> Expression:
    """The expression of a text; InputError with ``where`` when it is not whole, not allowed or names the unknown."""
    tree = syntax(text, where)
    reader = _Reader(text, vocabulary, where)
    kind, evaluate = reader.read(tree, 0)
    return Expression(text.strip(), kind, evaluate, frozenset(reader.names), frozenset(reader.functions), reader.dated)


def syntax(text: str, where: str) -> ast.expr:
    """The syntax tree of an expression, not yet checked; InputError when it is no expression at all."""
    if len(text) > LONGEST:
        raise InputError(f"{where}: the condition is longer than {LONGEST} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None)
        at = f" near column {offset}" if offset else ""
        reason = getattr(error, "msg", None) or "it is nested too deeply"
        raise InputError(f"{where}: the condition cannot be read{at}: {reason}") from None


def names_in(tree: ast.expr) -> set[str]:
    """Every plain name of a tree that is not called."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


class _Reader:
    """Turns one tree into nested functions, checking every node on the way."""

    def __init__(self, text: str, vocabulary: Vocabulary, where: str) -> None:
        self.text, self.vocabulary, self.where = text, vocabulary, where
        self.names: set[str] = set()
        self.functions: set[tuple[str, ...]] = set()
        self.dated = False

    def read(self, node: ast.expr, depth: int) -> tuple[Kind, Evaluator]:
        if depth > DEEPEST:
            raise self.wrong(node, "the condition is nested too deeply")
        match node:
            case ast.BoolOp():
                return self._boolean(node, depth)
            case ast.UnaryOp(op=ast.Not()):
                inner = self.truth(node.operand, depth + 1)
                return "truth", lambda f: negation(cast(Truth, inner(f)))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if not isinstance(
                number, bool
            ):
                negative = -float(number)
                return "number", lambda f: negative
            case ast.Compare():
                return self._comparison(node, depth)
            case ast.BinOp(op=ast.Mult() | ast.Add()):
                return self._arithmetic(node, depth)
            case ast.Constant():
                return self._constant(node)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
                return self._name(node, f"{owner}.{attribute}")
            case ast.Call():
                return self._call(node, depth)
        raise self.wrong(node, f"{ast.unparse(node)[:60]!r} is not allowed in a condition")

    def truth(self, node: ast.expr, depth: int) -> Evaluator:
        """The evaluator of a part that must be true, false or not known."""
        kind, evaluate = self.read(node, depth)
        if kind != "truth":
            raise self.wrong(node, f"{ast.unparse(node)[:60]!r} is a {kind}, not something true or false")
        return evaluate

    def wrong(self, node: ast.expr, message: str, hint: str | None = None) -> InputError:
        column = getattr(node, "col_offset", 0)
        excerpt = f"    {self.text.strip()}\n    {' ' * column}^" if "\n" not in self.text.strip() else None
        return InputError(f"{self.where}: {message}", hint=hint, excerpt=excerpt)

    # ---- nodes --------------------------------------------------------------------------------------------------

    def _boolean(self, node: ast.BoolOp, depth: int) -> tuple[Kind, Evaluator]:
        parts = [self.truth(value, depth + 1) for value in node.values]
        join = conjunction if isinstance(node.op, ast.And) else disjunction
        return "truth", lambda f: join(cast(Truth, part(f)) for part in parts)

    def _constant(self, node: ast.Constant) -> tuple[Kind, Evaluator]:
        value = node.value
        if isinstance(value, bool):
            return "truth", lambda f: value
        if isinstance(value, int | float):
            number = float(value)
            return "number", lambda f: number
        if isinstance(value, str):
            return "text", lambda f: value
        raise self.wrong(node, f"{value!r} is not a number, a text or True or False")

    def _name(self, node: ast.expr, name: str) -> tuple[Kind, Evaluator]:
        defined = self.vocabulary.defined.get(name)
        if defined is not None:
            self.names |= defined.names
            self.functions |= defined.functions
            self.dated |= defined.dated
            return defined.kind, defined.evaluate
        known = self.vocabulary.names.get(name)
        if known is None:
            every = [*self.vocabulary.names, *self.vocabulary.defined]
            raise self.wrong(node, f"unknown name {name!r}", did_you_mean(name, every))
        self.names.add(name)
        self.dated |= known.dated
        return known.kind, lambda f: f.value(name)

    def _call(self, node: ast.Call, depth: int) -> tuple[Kind, Evaluator]:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self.wrong(node, f"{ast.unparse(node)[:60]!r} is not a call of a known function")
        name = node.func.id
        signature = self.vocabulary.functions.get(name)
        if signature is None:
            raise self.wrong(node, f"unknown function {name!r}", did_you_mean(name, self.vocabulary.functions))
        wanted = list(signature.arguments)
        if signature.repeated and len(node.args) > len(wanted):
            wanted += [wanted[-1]] * (len(node.args) - len(wanted))
        if len(wanted) != len(node.args):
            raise self.wrong(node, f"{name} takes {len(signature.arguments)} arguments, not {len(node.args)}")
        parts = [self._argument(arg, want, depth) for arg, want in zip(node.args, wanted, strict=True)]
        words = tuple(arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
        self.functions.add((name, *words))
        self.dated |= signature.dated
        return signature.result, lambda f: f.call(name, tuple(part(f) for part in parts))

    def _argument(self, node: ast.expr, wanted: Kind | frozenset[str], depth: int) -> Evaluator:
        if isinstance(wanted, frozenset):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                raise self.wrong(node, f"{ast.unparse(node)[:60]!r} must be a word in quotes")
            if node.value not in wanted:
                raise self.wrong(node, f"unknown word {node.value!r}", did_you_mean(node.value, wanted))
            return self._constant(node)[1]
        kind, evaluate = self.read(node, depth + 1)
        if kind != wanted:
            raise self.wrong(node, f"{ast.unparse(node)[:60]!r} is a {kind}, not a {wanted}")
        return evaluate

    def _arithmetic(self, node: ast.BinOp, depth: int) -> tuple[Kind, Evaluator]:
        left, right = (self._argument(side, "number", depth) for side in (node.left, node.right))
        combine = times if isinstance(node.op, ast.Mult) else plus
        return "number", lambda f: combine(cast(Number, left(f)), cast(Number, right(f)))

    def _comparison(self, node: ast.Compare, depth: int) -> tuple[Kind, Evaluator]:
        if len(node.ops) != 1:
            raise self.wrong(node, "compare two things at a time")
        operator, right = node.ops[0], node.comparators[0]
        left_kind, left = self.read(node.left, depth + 1)
        if isinstance(operator, ast.In | ast.NotIn):
            choices = self._choices(right, left_kind, node.left)
            found: Evaluator = lambda f: disjunction(equal(left(f), choice) for choice in choices)  # noqa: E731
            return "truth", (lambda f: negation(cast(Truth, found(f)))) if isinstance(operator, ast.NotIn) else found
        right_kind, evaluate = self.read(right, depth + 1)
        if left_kind != right_kind:
            raise self.wrong(node, f"a {left_kind} cannot be compared with a {right_kind}")
        for side, other in ((node.left, right), (right, node.left)):
            self._check_choice(side, other)
        if isinstance(operator, ast.Eq):
            return "truth", lambda f: equal(left(f), evaluate(f))
        if isinstance(operator, ast.NotEq):
            return "truth", lambda f: negation(equal(left(f), evaluate(f)))
        sign = _COMPARE.get(type(operator))
        if sign is None or left_kind != "number":
            raise self.wrong(node, f"{ast.unparse(node)[:60]!r} is not a comparison of numbers")
        return "truth", lambda f: compare(sign, cast(Number, left(f)), cast(Number, evaluate(f)))

    def _choices(self, node: ast.expr, kind: Kind, left: ast.expr) -> list[Value]:
        if not isinstance(node, ast.Tuple | ast.List) or not node.elts:
            raise self.wrong(node, "`in` needs a list of constants")
        found: list[Value] = []
        for element in node.elts:
            if not isinstance(element, ast.Constant):
                raise self.wrong(element, "`in` needs a list of constants")
            element_kind, _ = self._constant(element)
            if element_kind != kind:
                raise self.wrong(element, f"a {kind} cannot be compared with a {element_kind}")
            self._check_choice(left, element)
            found.append(element.value if isinstance(element.value, str | bool) else float(cast(float, element.value)))
        return found

    def _check_choice(self, side: ast.expr, other: ast.expr) -> None:
        """A word compared with a name must be one the name can have: a slip would never fire."""
        if not (isinstance(other, ast.Constant) and isinstance(other.value, str)):
            return
        name = ast.unparse(side)
        known = self.vocabulary.names.get(name)
        if known is not None and known.choices and other.value not in known.choices:
            hint = f"It can be {', '.join(sorted(known.choices))}."
            raise self.wrong(other, f"{name} is never {other.value!r}", hint)

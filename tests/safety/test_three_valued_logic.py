"""The logic of conditions: knowing less changes true or false to not known and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cotreat.safety.expression import Expression, read
from cotreat.safety.truth import Range, Truth, Value, compare, conjunction, count, disjunction, equal, negation
from cotreat.safety.vocabulary import vocabulary

TRUTHS = st.sampled_from([True, False, None])


class Given:
    """Facts from a plain mapping."""

    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values

    def value(self, name: str) -> Value:
        return self.values.get(name)

    def call(self, name: str, arguments: tuple[Value, ...]) -> Value:
        if name == "count":
            return count(a if isinstance(a, bool) else None for a in arguments)
        return None


def test_unit_tables_of_truth() -> None:
    assert [conjunction([a, b]) for a in (True, None, False) for b in (True, None, False)] == [
        True, None, False, None, None, False, False, False, False,
    ]  # fmt: skip
    assert [disjunction([a, b]) for a in (True, None, False) for b in (True, None, False)] == [
        True, True, True, True, None, None, True, None, False,
    ]  # fmt: skip
    assert [negation(a) for a in (True, None, False)] == [False, None, True]


@given(st.lists(TRUTHS))
def test_property_de_morgan(terms: list[Truth]) -> None:
    assert negation(conjunction(terms)) is disjunction(negation(t) for t in terms)


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 10), st.sampled_from(["<", "<=", ">", ">="]))
def test_property_a_range_compares_as_all_its_values(a: float, b: float, x: float, sign: str) -> None:
    low, high = sorted((a, b))
    whole = compare(sign, Range(low, high), x)
    parts = {compare(sign, value, x) for value in (low, high)}
    assert whole in parts | {None}
    if whole is not None:
        assert parts == {whole}
    assert equal(Range(low, high), x) in ({equal(low, x), None} if low == high else {False, None})


ATOMS = {"age": st.floats(0, 100), "breastfeeding": st.booleans(), "phq9": st.floats(0, 27), "sex": st.just("female")}
LEAVES = st.sampled_from(
    [
        "age < 18", "age >= 65", "phq9 == 10", "phq9 in (3, 10, 15)", "breastfeeding", "not breastfeeding",
        "sex == 'female'", "sex in ('male', 'other')", "count(breastfeeding, age < 50) >= 1", "age + phq9 > 60",
        "0.5 * age <= 20",
    ]
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("(not {})".format, inner)
    ),
    max_leaves=6,
)
WORDS = vocabulary([], {})


def compiled(text: str) -> Expression:
    return read(text, WORDS, "test")


@given(CONDITIONS, st.fixed_dictionaries(ATOMS), st.sets(st.sampled_from(sorted(ATOMS))))
def test_property_forgetting_facts_only_blurs(text: str, facts: dict[str, Value], forgotten: set[str]) -> None:
    expression = compiled(text)
    whole = expression.truth(Given(facts))
    part = expression.truth(Given({k: v for k, v in facts.items() if k not in forgotten}))
    assert whole is not None
    assert part in (whole, None)


@given(CONDITIONS, st.fixed_dictionaries(ATOMS))
def test_parity_with_python_when_everything_is_known(text: str, facts: dict[str, Value]) -> None:
    names = {"count": lambda *terms: sum(terms), "__builtins__": {}}
    expected = eval(text, names, dict(facts))
    assert compiled(text).truth(Given(facts)) is bool(expected)

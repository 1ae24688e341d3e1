from __future__ import annotations

import numpy as np
import pytest

from cotreat.calibrate.space import EFFECTS, NOTHING_STORED, SCALE_AT, SCALES, STORED, Design, Space
from cotreat.model.parameter_set import LINEAR_MOOD, load_parameters


@pytest.fixture(scope="module")
def space() -> Space:
    return Space.of(load_parameters())


def test_unit_the_origin_is_the_median_of_untruncated_parameters(space: Space) -> None:
    values = space.values(np.zeros((1, len(space))))
    for name, p in space.prior.parameters.items():
        if not np.isfinite(p.limits).any():
            assert values[name][0] == pytest.approx(p.median, rel=1e-6, abs=1e-12), name


def test_unit_one_coordinate_moves_one_parameter(space: Space) -> None:
    z = np.zeros((2, len(space)))
    z[1, space.index("placebo.drive")] = 1.0
    values = space.values(z)
    moved = [k for k, v in values.items() if v[0] != v[1]]
    assert moved == ["placebo.drive"]


def test_unit_values_stay_inside_the_limits_of_the_prior(space: Space) -> None:
    rng = np.random.default_rng(0)
    values = space.values(8.0 * rng.standard_normal((400, len(space))))
    for name, p in space.prior.parameters.items():
        assert values[name].min() >= p.limits[0] - 1e-9, name
        assert values[name].max() <= p.limits[1] + 1e-9, name


def test_unit_a_linear_space_says_so_in_its_draws() -> None:
    prior = load_parameters()
    for linear in (False, True):
        space = Space.of(prior, linear)
        assert (space.values(np.zeros((3, len(space))))[LINEAR_MOOD] == float(linear)).all()


def test_unit_blocks_of_a_design_do_not_depend_on_one_another(space: Space) -> None:
    design = Design(seed=4)
    both = np.concatenate([design.points(space, b, 64) for b in (0, 1)])
    assert np.array_equal(design.points(space, 1, 64), both[64:])
    assert len(np.unique(both[:, 0])) == 128


def test_unit_the_design_holds_what_the_rivals_need(space: Space) -> None:
    z = Design().points(space, 0, 1024)
    stored = z[:, space.index(STORED)]
    assert 0.08 < (stored == NOTHING_STORED).mean() < 0.16
    for name in SCALES:
        assert (z[:, space.index(name)] == SCALE_AT).all()
    for name in EFFECTS:
        assert z[:, space.index(name)].std() > 1.0

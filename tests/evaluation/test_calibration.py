"""Calibration of hand-made cases and known limits."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from valex_local.evaluation.calibration import calibration


def calibrated(given, truth):
    """Return the calibration of runs (R, N) measured by a truth (N,), all of one value."""
    given, truth = np.atleast_2d(np.array(given, dtype=float)), np.array(truth, dtype=float)
    return calibration(truth[:, None], given[:, :, None], np.ones((len(truth), 1), dtype=bool))


def test_a_case_by_hand():
    found = calibrated([0.1, 0.15, 0.85, 0.85], [0, 1, 1, 1])
    # Bins: {0.1, 0.15} mean 0.125 of which half hold, {0.85, 0.85} of which all hold.
    assert found.ece_equal_width == pytest.approx((2 * 0.375 + 2 * 0.15) / 4)
    assert found.brier == pytest.approx((0.01 + 0.7225 + 2 * 0.0225) / 4)
    assert [(b.low, b.cases, b.mean_probability, b.share_holding) for b in found.reliability] == [
        (0.1, 2, 0.125, 0.5),
        (0.8, 2, 0.85, 1),
    ]
    assert found.prevalence == 0.75


def test_the_edge_of_a_bin_belongs_to_the_bin_above():
    found = calibrated([0.3, 0.7, 1.0], [0, 1, 1])
    assert [b.low for b in found.reliability] == [0.3, 0.7, 0.9]


def test_a_calibrated_route_has_hardly_any_error_and_an_overconfident_one_has():
    generator = np.random.default_rng(0)
    p = generator.random(50_000)
    truth = generator.random(50_000) < p
    good, bad = calibrated(p, truth), calibrated(np.clip(p * 1.5, 0, 1), truth)
    assert max(good.ece_equal_width, good.ece_equal_mass) < 0.01
    assert min(bad.ece_equal_width, bad.ece_equal_mass) > 0.1
    assert good.brier == pytest.approx(brier_score_loss(truth, p), abs=1e-6)
    assert good.brier == pytest.approx(1 / 6, abs=0.005)


def test_bins_of_equal_mass_see_what_equal_width_hides():
    # All probabilities lie in one bin of equal width, in which errors cancel out.
    given, truth = [0.01] * 50 + [0.09] * 50, [1] * 5 + [0] * 95
    found = calibrated(given, truth)
    assert found.ece_equal_width == pytest.approx(0)
    assert found.ece_equal_mass > 0.05


def test_equal_probabilities_are_one_bin_whatever_their_order():
    given = np.array([0.2] * 30 + [0.6] * 7)
    truth = np.array([1, 0, 0] * 10 + [1] * 7)
    order = np.random.default_rng(0).permutation(len(given))
    one, other = calibrated(given, truth), calibrated(given[order], truth[order])
    assert one == other
    assert one.ece_equal_mass == pytest.approx((30 * (1 / 3 - 0.2) + 7 * 0.4) / 37, abs=1e-6)


def test_a_constant_share_is_calibrated():
    found = calibrated([0.25] * 8, [1, 1, 0, 0, 0, 0, 0, 0])
    assert found.ece_equal_width == found.ece_equal_mass == 0
    assert found.brier == pytest.approx(0.25 * 0.75)


def test_runs_are_averaged():
    a, b, truth = [0.1, 0.9, 0.4], [0.6, 0.2, 0.5], [0, 1, 1]
    one, other, both = calibrated(a, truth), calibrated(b, truth), calibrated([a, b], truth)
    assert both.brier == pytest.approx((one.brier + other.brier) / 2, abs=1e-6)
    assert both.ece_equal_width == pytest.approx((one.ece_equal_width + other.ece_equal_width) / 2, abs=1e-6)
    assert both.cases == 3
    assert sum(b.cases for b in both.reliability) == 6


def test_without_all_probabilities_there_is_no_calibration():
    assert calibrated([0.5, np.nan], [0, 1]) is None
    assert calibration(np.zeros((2, 1)), np.zeros((1, 2, 1)), np.zeros((2, 1), dtype=bool)) is None

import numpy as np
import pytest

from lam_nb import InputError, quadrature

FLAT = np.ones_like
RULES = ["arc", "midpoint", "gauss", "paper", "ends"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [1, 2, 24])
def test_weights_add_up_and_nodes_ascend(rule, steps):
    nodes = quadrature.place(rule, FLAT, steps)
    assert nodes.weights.sum() == pytest.approx(1)
    assert (np.diff(nodes.alphas) > 0).all()
    assert nodes.alphas.min() >= 0
    assert nodes.alphas.max() <= 1


@pytest.mark.parametrize(("rule", "order"), [("arc", 2), ("midpoint", 2), ("paper", 1), ("ends", 1)])
def test_order_of_convergence_on_a_smooth_integrand(rule, order):
    def error(steps):
        nodes = quadrature.place(rule, lambda a: 1 + a, steps)
        return abs((nodes.weights * np.exp(nodes.alphas)).sum() - (np.e - 1))

    assert np.log2(error(20) / error(40)) == pytest.approx(order, abs=0.15)


def test_gauss_is_exact_for_polynomials():
    nodes = quadrature.place("gauss", FLAT, 3)
    assert (nodes.weights * nodes.alphas**5).sum() == pytest.approx(1 / 6)


def test_arc_steps_are_equally_long():
    nodes = quadrature.place("arc", lambda a: 2 * a + 1e-9, 8)  # length(a) = a²
    np.testing.assert_allclose(nodes.alphas**2, (np.arange(8) + 0.5) / 8, atol=1e-4)


def test_a_path_that_does_not_move_falls_back_to_alpha():
    np.testing.assert_allclose(quadrature.place("arc", np.zeros_like, 4).alphas, [0.125, 0.375, 0.625, 0.875])


@pytest.mark.parametrize("steps", [8, 24, 48])
def test_error_estimate_covers_brownian_integrands(steps):
    random = np.random.default_rng(0)
    fine, pixels = 64, 400
    walk = random.standard_normal((steps * fine, pixels)).cumsum(0) / fine**0.5
    truth = walk.mean(0)
    middle = walk.reshape(steps, fine, pixels)[:, fine // 2] / steps
    true = np.abs(middle.sum(0) - truth).sum() / np.abs(truth).sum()
    assert 1.0 < quadrature.relative_error(middle) / true < 2.5


def test_error_estimate_needs_three_nodes_and_a_map():
    assert np.isnan(quadrature.relative_error(np.ones((2, 5))))
    assert np.isnan(quadrature.relative_error(np.zeros((8, 5))))


@pytest.mark.parametrize("steps", [0, -3, 2.5, "many", True])
def test_bad_steps(steps):
    with pytest.raises(InputError, match="steps: got"):
        quadrature.place("arc", FLAT, steps)


def test_unknown_rule():
    with pytest.raises(InputError, match="did you mean 'paper'"):
        quadrature.place("papers", FLAT, 3)

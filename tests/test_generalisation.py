"""The generalisation index: known distributions, the recipe by hand, and curves that end in the index."""

import math
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import InputError, networks, studies
from lam_nb.statistics import gaussian

SMALL = {"patches": 30, "components": 12, "size": 10, "draws": 20, "progress": False}


def drawn(shape, sigma, count, seed=0):
    """Samples of a generalised Gaussian: signed powers of Gamma variables."""
    source = np.random.default_rng(seed)
    width = sigma * math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape))
    return source.choice([-1, 1], count) * width * source.gamma(1 / shape, size=count) ** (1 / shape)


def integral(first, second):
    """The Kullback-Leibler divergence, summed up."""
    x = np.linspace(-80, 80, 1_000_001)
    pair = []
    for shape, sigma in (first, second):
        width = sigma * math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape))
        pair.append(math.log(shape / (2 * width * math.gamma(1 / shape))) - (abs(x) / width) ** shape)
    return float((np.exp(pair[0]) * (pair[0] - pair[1])).sum() * (x[1] - x[0]))


@pytest.mark.parametrize(("shape", "tolerance"), [(0.8, 0.1), (1.0, 0.05), (1.5, 0.03), (2.0, 0.03), (5.0, 0.2)])
def test_samples_of_known_shape_are_fitted(shape, tolerance):
    """Heavy tails lose what lies beyond five deviations, as in the published recipe."""
    found, sigma = gaussian.fitted(drawn(shape, 1.7, 400_000))
    assert found == pytest.approx(shape, abs=tolerance) and sigma == pytest.approx(1.7, rel=0.04)


def test_the_fit_is_blind_to_scale_and_knows_outliers():
    values = drawn(1.5, 1, 10_000)
    assert gaussian.fitted(values * 7)[0] == gaussian.fitted(values)[0]
    assert gaussian.fitted(np.append(values, 50.0)) == gaussian.fitted(values)


@pytest.mark.parametrize(("first", "second"), [((1.0, 1.0), (2.0, 1.5)), ((3.0, 0.7), (0.9, 1.0)), ((2, 1), (2, 1))])
def test_the_divergence_is_the_integral(first, second):
    assert gaussian.divergence(first, second) == pytest.approx(integral(first, second), abs=1e-4)


def test_the_score_of_equals_is_zero_and_grows():
    assert gaussian.score((1.2, 3.0), (1.2, 3.0)) == pytest.approx(0, abs=1e-9)
    scores = [gaussian.score((1.2, 1.0), (1.2, sigma)) for sigma in (1.001, 1.01, 1.1, 2)]
    assert scores == sorted(scores) and gaussian.score((2, 1), (2, 2)) == pytest.approx(5 + math.log10(0.318147 + 1e-5))


def pictures(count=3, rows=48, columns=72):
    source = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 9, 13, generator=source)
    large = nn.functional.interpolate(coarse, size=(rows, columns), mode="bicubic").clamp(0, 1)
    return dict(zip("abc", large, strict=False))


def net():
    torch.manual_seed(7)
    first, second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 12, 3, padding=1)
    module = nn.Sequential(first, nn.ReLU(), second, nn.PixelShuffle(2))
    return networks.wrap(module, scale=2, name="toy", check=False)


BLUR = {"blur": [(0, None), (1, lam.images.Blur(1)), (3, lam.images.Blur(3))]}


def test_the_recipe_by_hand():
    """Features before the last convolution, scikit-learn's components of each set, moments, divergence, logarithm."""
    from sklearn.decomposition import PCA

    found = studies.generalisation(net(), pictures(), BLUR, **SMALL)
    network = net()
    low = {name: lam.images.downscale(one, 2) for name, one in pictures().items()}
    places = [(name, y, x) for name in low for y in range(0, 15, 5) for x in range(0, 27, 5)]
    order = np.random.default_rng(0).permutation(len(places))[:30]

    def fit(change):
        made = {name: one if change is None else change(one[None])[0] for name, one in low.items()}
        cut = torch.stack([made[n][:, y : y + 10, x : x + 10] for n, y, x in (places[k] for k in order)])
        with torch.no_grad():
            deep = network.module[0](cut).relu().flatten(1).numpy()
        values = PCA(12, svd_solver="full").fit_transform(deep.astype(float)).ravel()
        values = values[abs(values - values.mean()) <= 5 * values.std()]
        square, magnitude = (values**2).mean(), abs(values - values.mean()).mean()
        shapes = np.arange(0.2, 10.0005, 0.001)
        gamma = np.vectorize(math.gamma)
        ratio = gamma(1 / shapes) * gamma(3 / shapes) / gamma(2 / shapes) ** 2
        return shapes[abs(ratio - square / magnitude**2).argmin()], math.sqrt(square)

    clean = fit(None)
    assert found.attrs["layer"] == "2:in" and found.attrs["patch_stride"] == 5
    assert found.attrs["reference_shape"] == pytest.approx(clean[0], abs=0.01)
    for k, (level, change) in enumerate(BLUR["blur"]):
        shape, sigma = fit(change)
        assert float(found.level[k]) == level and str(found.test.values[k]) == f"blur {level}"
        assert float(found.fit_shape[k]) == pytest.approx(shape, abs=0.01)  # signs of components are free
        assert found.fit_spread[k] == pytest.approx(sigma, rel=1e-4)
        expected = math.log10(max(integral(clean, (shape, sigma)), 0) + 1e-5) + 5
        assert float(found.generalisation[k]) == pytest.approx(expected, abs=0.05)


def test_clean_is_zero_blur_is_not_and_curves_end_in_the_index():
    found = studies.generalisation(net(), pictures(), BLUR, **SMALL)
    assert found.generalisation[0] == pytest.approx(0, abs=1e-6) and (found.generalisation[1:] > 2).all()
    for curve in (found.by_components, found.by_patches):
        np.testing.assert_allclose(curve[:, -1], found.generalisation, atol=1e-9)
    assert found.components.values[-1] == 12 and found.patches.values[-1] == 30
    assert (found.generalisation_low <= found.generalisation_high).all()


def test_batch_and_memory_change_nothing_and_the_seed_does():
    one, filed, other = (
        studies.generalisation(net(), pictures(), BLUR, **SMALL, batch=3, **change)
        for change in ({}, {"memory": "120 kB"}, {"seed": 1})
    )
    np.testing.assert_array_equal(filed.generalisation, one.generalisation)
    assert not np.array_equal(other.generalisation, one.generalisation)
    assert not np.array_equal(other.generalisation_low, one.generalisation_low)


KILLED = """
import os, signal, sys, zarr
from tests.test_generalisation import BLUR, SMALL, net, pictures, studies
real, writes = zarr.Array.__setitem__, []
def write(array, *given):
    writes.append(array.basename)
    if writes.count("done") == 3:  # the products are there, and nobody has said so yet
        os.kill(os.getpid(), signal.SIGKILL)
    return real(array, *given)
zarr.Array.__setitem__ = write
studies.generalisation(net(), pictures(), BLUR, store=sys.argv[1], **SMALL)
"""


def test_a_killed_sweep_over_levels_goes_on_where_it_was(tmp_path):
    store, root = tmp_path / "levels.zarr", pathlib.Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root / "widgets"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run([sys.executable, "-c", KILLED, str(store)], env={**os.environ, "PYTHONPATH": paths}, cwd=root)
    assert run.returncode == -signal.SIGKILL
    network, seen, told = net(), [], []
    network.register_forward_hook(lambda _, given, answer: seen.append(len(given[0])))
    few = SMALL | {"progress": lambda done, total: told.append((done, total))}
    found = studies.generalisation(network, pictures(), BLUR, store=store, **few)
    assert sum(seen) == 1 + 60  # one to survey the layers; of reference and three levels two were done
    assert told[0] == (0, 120) and told[-1] == (120, 120)
    whole = studies.generalisation(network, pictures(), BLUR, **SMALL)
    for name in whole.data_vars:
        np.testing.assert_array_equal(found[name], whole[name])
    seen.clear()
    fewer = studies.generalisation(network, pictures(), BLUR, store=store, **SMALL | {"components": 8, "draws": 5})
    assert sum(seen) == 1
    np.testing.assert_array_equal(fewer.generalisation, whole.by_components.sel(components=8))
    shorter = {"blur": BLUR["blur"][:2]}
    for change, words in [
        ({"seed": 1}, "not the same: inputs, tests blur 0, tests blur 1, tests blur 3"),
        ({"tests": shorter}, "not the same: tests blur 3"),
        ({"layer": "0"}, "not the same: layers"),
        ({"network": networks.wrap(net().module, scale=2, value_range=255, check=False)}, "network value_range"),
    ]:
        given = {"network": network, "reference": pictures(), "tests": BLUR, **SMALL, **change}
        with pytest.raises(InputError, match=f"store: .* holds other inner products of patches .*{words}"):
            studies.generalisation(store=store, **given)
    with pytest.raises(InputError, match="holds something else than features"):
        lam.representations(network, pictures(), BLUR, store=store, components=4, progress=False)


def test_one_changed_bit_of_a_store_is_told(tmp_path):
    store = tmp_path / "levels.zarr"
    studies.generalisation(net(), pictures(), BLUR, store=store, **SMALL)
    file = max((path for path in store.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    held = bytearray(file.read_bytes())
    held[100] ^= 1
    file.write_bytes(held)
    with pytest.raises(InputError, match=r"store: .*levels\.zarr"):
        studies.generalisation(net(), pictures(), BLUR, store=store, **SMALL)


def test_other_pictures_of_a_folder_are_a_test(tmp_path):
    for name, picture in pictures().items():
        lam.images.to_pillow(lam.images.Blur(3)(lam.images.downscale(picture, 2))).save(tmp_path / f"{name}.png")
    found = studies.generalisation(net(), pictures(), {"real": tmp_path, **BLUR}, **SMALL)
    assert found.test.values.tolist() == ["real", "blur 0", "blur 1", "blur 3"]
    assert float(found.generalisation[0]) == pytest.approx(float(found.generalisation[3]), abs=0.1)


def test_the_usual_axis_is_blur_from_nothing_to_eight():
    found = studies.generalisation(net(), pictures(1), **SMALL | {"patches": 8, "components": 4, "draws": 2})
    assert found.level.values.tolist() == [k / 2 for k in range(17)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patches": 5000}, "patches: got 5000, expected a whole number from 2 to 4,096"),
        ({"components": 31}, "components: got 31 for 30 patches"),
        ({"size": 30}, "reference: has room for 0 patches of 30 × 30 px .* expected 30"),
        ({"tests": {}}, "tests: got none"),
        ({"tests": {"blur": 3}}, r"tests\['blur'\]: got 3"),
        ({"layer": "*"}, "layer: got .* layers, expected one"),
        ({"layer": "2x"}, "layer: got '2x', which network 'toy' does not have; did you mean '2'"),
        ({"layer": 2}, "layer: got 2, expected names of layers"),
        ({"tests": {"dark": lambda batch: batch * 0}, "layer": "output"}, "layer: 'output' answers the same .* 'dark'"),
        ({"level": 1}, "level"),
    ],
)
def test_bad_input_is_told(change, message):
    with pytest.raises(InputError, match=message):
        studies.generalisation(net(), pictures(), **{"tests": BLUR, **SMALL, **change})

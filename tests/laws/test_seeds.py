"""Whatever takes a seed is the same for equal seeds and another for different ones."""

import copy
import dataclasses
import inspect
import types

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks, studies
from lam_nb.methods import causal
from lam_nb.networks import training

REGION = Region(16, 20, 6)
QUIET = {"progress": False}


def toy():
    torch.manual_seed(7)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2)
    return networks.wrap(nn.Sequential(*layers), scale=2, name="toy", check=False)


def picture(rows=20, columns=26):
    y, x = np.mgrid[:rows, :columns]
    wave = [0.5 + 0.3 * np.sin(0.7 * x + k) * np.cos(0.4 * y) + 0.1 * ((x + y) % 5 == 0) for k in range(3)]
    return torch.from_numpy(np.stack(wave).astype(np.float32))


def table():
    source = np.random.default_rng(0)
    index = np.exp(np.linspace(0, 2, 6))[:, None] * np.exp(0.3 * source.normal(size=(6, 9)))
    data = {"diffusion_index": (("model", "image", "region"), index[..., None])}
    data["psnr"] = (("model", "image"), 20 + np.log(index) + source.normal(size=index.shape))
    return xr.Dataset(data, coords={"model": np.array([f"net {k}" for k in range(6)], dtype=object)})


def noise(seed, folder):
    return lam.images.Noise(0.1, seed)(picture())


def rain(seed, folder):
    return lam.images.Rain(seed)(picture(60, 80))


def bootstrap(seed, folder):
    values = xr.DataArray(np.random.default_rng(0).normal(size=30), dims="image")
    found = lam.statistics.bootstrap(values, draws=200, seed=seed)
    return [float(found.low), float(found.high)]


def di_against_psnr(seed, folder):
    found = studies.di_against_psnr(table(), draws=200, seed=seed)
    return [float(found.pearson_low), float(found.pearson_high)]


def di_against_size(seed, folder):
    found = studies.di_against_size(table(), {f"net {k}": (k + 1, 1) for k in range(6)}, draws=200, seed=seed)
    return found.diffusion_index_low


def causal_effect(seed, folder):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    given = {"reference": truth, "block": 4, "fine": 4, "threshold": 1e-6}
    return lam.causal_effect(toy(), picture(), REGION, seed=seed, **given, **QUIET).effect


def smoothgrad(seed, folder):
    return lam.smoothgrad(toy(), picture(), REGION, samples=4, seed=seed).attribution


def curves(seed, folder):
    maps = {"gradient": lam.gradient(toy(), picture(), REGION)}
    found = lam.faithfulness.curves(toy(), picture(), REGION, maps, draws=2, seed=seed, **QUIET)
    return found.output_share.sel({"method": "random"})


def randomised(seed, folder):
    found = lam.faithfulness.randomised(toy(), picture(), REGION, stages=2, steps=3, seed=seed, **QUIET)
    return found.diffusion_index[1:]


def task(seed, folder):
    made = causal.task(networks.wrap(nn.Identity(), check=False), picture(), seed=seed)
    return made.image


def task_of_rain(seed, folder):
    made = causal.task(networks.wrap(nn.Identity(), check=False), picture(60, 80), "deraining", seed=seed)
    return made.finish(made.image)


def train(seed, folder):
    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    lam.images.to_pillow(picture(60, 70)).save(photos / "wave.png")
    small = {"options": {"width": 4, "blocks": 1, "scale": 2}, "batch": 1, "patch": 12, "device": "cpu", "steps": 1}
    made = training.train(photos, folder / f"{len(list(folder.iterdir()))}.safetensors", seed=seed, **small)
    return torch.cat([one.detach().flatten() for one in made.parameters()])


def several():
    return {"wave": picture(), "other": picture().flip(1), "third": picture(24, 30)}


def representations(seed, folder):
    noise = {"noise": lambda pictures: pictures + 0.1 * torch.rand_like(pictures)}
    given = {"layers": "0", "components": 3, "seed": seed, **QUIET}
    return lam.representations(toy(), several(), noise, **given).projection


def separability(seed, folder):
    noise = {"noise": lam.images.Noise(0.1)}
    ds = lam.representations(toy(), several(), noise, layers="0", components=3, **QUIET)
    found = lam.statistics.separability(ds, draws=40, permutations=9, seed=seed)
    return found.separability_low[:, 0]


def generalisation(seed, folder):
    few = {"patches": 12, "components": 4, "size": 4, "draws": 5, "seed": seed, **QUIET}
    return studies.generalisation(toy(), several(), {"blur": lam.images.Blur(1)}, **few).generalisation


def tuned():
    """A network, and one of its kind whose parameters lie elsewhere."""
    made = copy.deepcopy(toy())
    with torch.no_grad():
        for one in made.parameters():
            one += 0.1
    return made, toy()


NOISY = {"noise": lambda pictures: pictures + 0.1 * torch.rand_like(pictures), "blur": lam.images.Blur(1)}


def filters(seed, folder):
    return lam.filters(*tuned(), several(), NOISY, steps=2, seed=seed, **QUIET).score


def masked(study, seed, **settings):
    ds = lam.filters(*tuned(), several(), NOISY, steps=2, **QUIET)
    return study(*tuned(), ds, several(), NOISY, seed=seed, **settings, **QUIET).psnr_lost


def masking_curve(seed, folder):
    return masked(studies.masking_curve, seed, shares=[1], draws=1)


def modulation_curve(seed, folder):
    return masked(studies.modulation_curve, seed, share=1, amounts=[0.5])


def kernel_ranking(seed, folder):
    return lam.statistics.kernel_ranking(lam.statistics.kernels.example(), "blur", by="random", seed=seed)


def top_kernels(seed, folder):
    ds = lam.filters(*tuned(), several(), NOISY, steps=2, **QUIET)
    return lam.statistics.top_kernels(ds, "blur", 0.5, by="random", seed=seed)


def masking_effect(seed, folder):
    values = np.random.default_rng(0).random((2, 9))
    table = xr.Dataset({"psnr_lost": (("draw", "content"), values)})
    return lam.statistics.masking_effect(table, "psnr_lost", draws=20, seed=seed).psnr_lost_low


def reseeded(seed, folder):
    return lam.images.reseeded(lam.images.Chain((lam.images.Blur(1), lam.images.Noise(0.1))), seed)(picture())


def degradation_prediction(seed, folder):
    each = np.random.default_rng(0).random((2, 9, 4))
    ds = xr.Dataset({"score_each": (("degradation", "content", "kernel"), each)})
    ds = ds.assign_coords(degradation=["a", "b"], content=list("abcdefghi"))
    return studies.degradation_prediction(ds, folds=2, seed=seed).predicted


def train_classifier(seed, folder):
    for k in (1, 2):
        lam.images.to_pillow(picture(60, 70) / k).save(folder / f"{k}.png")
    out = folder / f"{len(list(folder.iterdir()))}.safetensors"
    small = {"scale": 2, "batch": 2, "patch": 12, "device": "cpu", "steps": 1}
    return training.train_classifier(folder, out, seed=seed, **small).head.weight.detach()


def batches(seed, folder):
    small = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (3, 20, 26), np.uint8))
    large = small.repeat_interleave(2, 1).repeat_interleave(2, 2)
    return next(training.batches([(small, large)], 2, 8, 2, seed, first=0, noise=0.1))[0]


SEEDED = {
    one.__name__: one
    for one in (
        noise,
        rain,
        bootstrap,
        di_against_psnr,
        di_against_size,
        causal_effect,
        smoothgrad,
        curves,
        randomised,
        task,
        task_of_rain,
        train,
        train_classifier,
        batches,
        representations,
        separability,
        generalisation,
        filters,
        masking_curve,
        modulation_curve,
        kernel_ranking,
        top_kernels,
        masking_effect,
        reseeded,
        degradation_prediction,
    )
}


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*")
@pytest.mark.parametrize("name", SEEDED)
def test_equal_seeds_agree_and_different_ones_differ(name, tmp_path):
    runs = [np.asarray(SEEDED[name](seed, tmp_path)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2], equal_nan=True)


def test_every_end_of_an_interval_moves_with_the_seed():
    """Drawing seeded and forgetting to use it for one of the numbers would not be seen in another."""
    one, other = (studies.di_against_psnr(table(), draws=200, seed=seed) for seed in (1, 2))
    for name in ("pearson", "diffusion_index", "against"):
        for end in ("_low", "_high"):
            assert not np.array_equal(one[name + end], other[name + end]), name + end
    one, other = (
        studies.di_against_size(table(), {f"net {k}": (k + 1, 1) for k in range(6)}, draws=40, seed=seed)
        for seed in (1, 2)
    )
    assert not np.array_equal(one.psnr_high, other.psnr_high)


def _public():
    modules = [lam, lam.images, lam.statistics, lam.studies, lam.faithfulness, causal, training]
    for module in modules:
        for name in module.__all__:
            item = getattr(module, name)
            if isinstance(item, types.FunctionType) or dataclasses.is_dataclass(item):
                yield name, item


def test_nothing_that_takes_a_seed_is_left_out():
    taking = {name.lower() for name, item in _public() if "seed" in inspect.signature(item).parameters}
    assert taking <= set(SEEDED) and len(taking) >= 10

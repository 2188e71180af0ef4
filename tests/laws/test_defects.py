"""What once went wrong stays mended: a law for every defect that was found."""

import threading
import warnings

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, cli, networks, studies
from lam_nb.identity import fingerprint
from lam_nb.networks import training

REGION = Region(16, 20, 6)
QUIET = {"steps": 3, "progress": False}


def toy(*more, scale=2, name="toy"):
    torch.manual_seed(7)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *more, nn.Conv2d(8, 3 * scale**2, 3, padding=1)]
    return networks.wrap(nn.Sequential(*layers, nn.PixelShuffle(scale)), scale=scale, name=name, check=False)


def picture(rows=20, columns=26):
    y, x = np.mgrid[:rows, :columns]
    wave = [0.5 + 0.3 * np.sin(0.7 * x + k) * np.cos(0.4 * y) + 0.1 * ((x + y) % 5 == 0) for k in range(3)]
    return torch.from_numpy(np.stack(wave).astype(np.float32))


def test_a_retrained_checkpoint_is_another_network(tmp_path):
    file, given = tmp_path / "mine.safetensors", {"images": {"one": picture(40, 52)}, "regions": [REGION], **QUIET}
    photos = tmp_path / "photos"
    photos.mkdir()
    lam.images.to_pillow(picture(60, 70)).save(photos / "wave.png")
    small = {"options": {"width": 4, "blocks": 1, "scale": 2}, "batch": 1, "patch": 12, "device": "cpu"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training.train(photos, file, steps=1, seed=0, **small)
        first = lam.sweep([file], store=tmp_path / "all.zarr", **given)
        training.train(photos, file, steps=1, seed=1, **small)
        second = lam.sweep([file], store=tmp_path / "all.zarr", **given)
    assert lam.open(tmp_path / "all.zarr").sizes["model"] == 2
    assert not np.allclose(first.psnr, second.psnr, rtol=0, atol=1e-3)


def test_threads_leave_a_network_as_they_found_it():
    net, expected = toy(), lam.attribute(toy(), picture(), REGION, **QUIET).attribution.values
    net.train()
    net.module[0].weight.requires_grad_(False)
    barrier, maps = threading.Barrier(8), {}

    def ask(k):
        barrier.wait()
        maps[k] = lam.attribute(net, picture(), REGION, **QUIET).attribution.values

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(maps) == 8 and all(np.array_equal(one, expected) for one in maps.values())
    assert all(part.training for part in net.modules())
    assert [one.requires_grad for one in net.parameters()] == [False, True, True, True]


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


GAIN = 2.0


def gained(batch):
    return GAIN * batch


def test_fingerprints_see_defaults_globals_and_slots(monkeypatch):
    def keyword(factor):
        def scaled(batch, *, by=factor):
            return by * batch

        return scaled

    def positional(factor):
        def scaled(batch, by=factor):
            return by * batch

        return scaled

    for make in (keyword, positional, Slotted):
        assert fingerprint(make(2)) == fingerprint(make(2)) != fingerprint(make(3))
    before = fingerprint(gained)
    assert before == fingerprint(gained)
    monkeypatch.setitem(globals(), "GAIN", 3.0)
    assert fingerprint(gained) != before


@pytest.mark.parametrize("kind", ["tensor", "array"])
def test_results_share_no_memory_with_the_caller(kind):
    image, truth = picture(), picture(40, 52)
    given = image if kind == "tensor" else image.permute(1, 2, 0).numpy().copy()
    other = truth if kind == "tensor" else truth.permute(1, 2, 0).numpy().copy()
    before, reference = image.clone(), truth.clone()
    found = lam.attribute(toy(), given, REGION, reference=other, **QUIET)
    for one in (given, other):
        one[...] = 0
    np.testing.assert_array_equal(found.input, before)
    np.testing.assert_array_equal(found.reference, reference)
    assert found.attrs["image_sha256"] == lam.images.digest(before)


def refuses_nan(region):
    rows, columns = region.slices

    def detector(output):
        if not torch.isfinite(output).all():
            raise ValueError("my detector wants finite outputs")
        return output[..., rows, columns].sum((1, 2, 3))

    return detector


def refuses_parts(region):
    rows, columns = region.slices

    def detector(output):
        if output.shape[-2:] != (40, 52):
            raise RuntimeError("my detector wants the whole output")
        return output[..., rows, columns].sum((1, 2, 3))

    return detector


@pytest.mark.parametrize("detector", [refuses_nan, refuses_parts])
def test_an_own_detector_may_refuse(detector):
    found = lam.attribute(toy(), picture(), REGION, detector=detector, **QUIET)
    plain = lam.attribute(toy(), picture(), REGION, detector="intensity", local=False, **QUIET)
    np.testing.assert_allclose(found.attribution, plain.attribution, atol=1e-6)


def test_shell_and_python_give_one_causal_map(tmp_path):
    lam.images.to_pillow(lam.images.sample("bricks")[:, 80:144, 60:140]).save(tmp_path / "truth.png")
    window, out = Region(20, 24, 16), tmp_path / "map.nc"
    words = ["causal", "--network", "fsrcnn", "--truth", str(tmp_path / "truth.png"), "--region", "20,24,16"]
    assert cli.main([*words, "--metric", "ssim", "--fine", "4", "--out", str(out)]) == 0
    truth = lam.images.load(tmp_path / "truth.png")
    given = {"reference": truth, "metric": "ssim", "fine": 4, "progress": False}
    python = lam.causal_effect(networks.load("fsrcnn"), lam.images.downscale(truth, 4), window, **given)
    shell = lam.open(out)
    np.testing.assert_allclose(shell.effect, python.effect, rtol=0, atol=1e-6)  # a GPU may add up otherwise
    for name in ("stage", "draws", "zero"):
        np.testing.assert_array_equal(shell[name], python[name])
    assert shell.attrs["threshold"] == python.attrs["threshold"] == 0.0005


def test_every_metric_has_a_threshold_of_its_own():
    truth, defaults = picture(40, 52), {"psnr": 0.01, "ssim": 0.0005, "l1": 0.0001}
    for metric, expected in defaults.items():
        given = {"reference": truth, "metric": metric, "block": 10, "coarse": 1, "fine": 1, "progress": False}
        assert lam.causal_effect(toy(), picture(), Region(8, 10, 14), **given).attrs["threshold"] == expected


def test_evaluating_does_not_depend_on_the_mode():
    net, photos = toy(nn.Dropout(0.5), nn.BatchNorm2d(8)), {"wave": picture(40, 52)}
    expected = training.evaluate(net.eval(), photos, progress=False)
    before = net.weights_hash
    found = training.evaluate(net.train(), photos, progress=False)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    assert net.training and net.weights_hash == before


def test_nothing_is_said_of_errors_that_nobody_estimated():
    found = lam.gradient(toy(), picture(), REGION)
    assert not {"quadrature_error", "sampling_error", "completeness_gap", "path", "rule"} & {*found, *found.attrs}
    smooth = lam.smoothgrad(toy(), picture(), REGION, samples=4)
    assert float(smooth.sampling_error) > 0 and "quadrature_error" not in smooth


def test_the_error_of_smoothgrad_is_that_of_its_mean():
    few, many = (
        [lam.smoothgrad(toy(), picture(), REGION, samples=n, seed=seed) for seed in range(6)] for n in (8, 128)
    )
    truth = np.mean([one.attribution.values for one in many], 0)
    off = [np.abs(one.attribution.values - truth).sum() / np.abs(truth).sum() for one in few]
    assert 0.5 < np.mean([float(one.sampling_error) for one in few]) / np.mean(off) < 2


CURVES = [
    (nn.Identity(), REGION, "network: got Identity"),
    ("toy", Region(30, 40, 20), "leaves the output"),
    ("toy", "here", "region: got 'here'"),
]


@pytest.mark.parametrize(("network", "region", "message"), CURVES)
def test_curves_check_what_they_are_given(network, region, message):
    maps, net = {"gradient": lam.gradient(toy(), picture(), REGION)}, toy() if network == "toy" else network
    with pytest.raises(InputError, match=message) as told:
        lam.faithfulness.curves(net, picture(), region, maps, progress=False)
    with pytest.raises(InputError) as other:
        lam.attribute(net, picture(), region, progress=False)
    assert str(told.value) == str(other.value)


def test_curves_take_a_tuple_for_a_region():
    maps = {"gradient": lam.gradient(toy(), picture(), REGION)}
    found, same = (
        lam.faithfulness.curves(toy(), picture(), one, maps, draws=1, progress=False) for one in ((16, 20, 6), REGION)
    )
    np.testing.assert_array_equal(found.output_share, same.output_share)
    assert found.attrs["region_size"] == 6


def refused(verb, *given):
    """Ask with a misspelt setting, of networks that must not be run."""
    with pytest.raises(TypeError, match="did you mean 'steps'"):
        verb(*given, stepz=3, progress=False)


def test_misspelt_settings_are_told_at_once(tmp_path):
    def never(batch):
        raise AssertionError("it was run")

    net, image = networks.wrap(never, scale=2, name="never", check=False), picture()
    refused(lam.compare, [net], image, REGION)
    refused(lam.diffusion_field, net, image)
    refused(lam.faithfulness.randomised, net, image, REGION)
    refused(lam.integrated_gradients, net, image, REGION)
    refused(studies.path_sensitivity, [net], image, REGION)
    refused(studies.detector_sensitivity, [net], image, REGION)
    with pytest.raises(TypeError, match="did you mean 'steps'"):
        lam.sweep([net], {"one": image}, [REGION], store=tmp_path / "all.zarr", stepz=3)
    assert not (tmp_path / "all.zarr").exists()


@pytest.mark.parametrize("name", ["keep", "reference"])
def test_settings_that_a_verb_sets_itself_are_refused(name, tmp_path):
    with pytest.raises(TypeError, match=rf"diffusion_field\(\) got .* '{name}'"):
        lam.diffusion_field(toy(), picture(), progress=False, **{name: "all"})
    with pytest.raises(TypeError, match=rf"sweep\(\) got .* '{name}'"):
        lam.sweep([toy()], {"one": picture()}, [REGION], store=tmp_path / "all.zarr", **{name: "map"})


def test_networks_of_several_scales_share_windows_of_the_truth(tmp_path):
    four = networks.wrap(nn.Upsample(scale_factor=4, mode="bicubic"), scale=4, name="four", check=False)
    nets, truth = [toy(), four], picture(40, 52)
    table = lam.sweep(nets, {"one": truth}, [REGION], store=tmp_path / "all.zarr", **QUIET)
    for m, net in enumerate(nets):
        alone = lam.attribute(net, lam.images.downscale(truth, net.scale), REGION, **QUIET).lam
        assert float(table.diffusion_index[m, 0, 0]) == pytest.approx(float(alone.diffusion_index()), rel=1e-5)
        common = float(alone.diffusion_index(canvas=(20, 26)))
        assert float(table.diffusion_index_common[m, 0, 0]) == pytest.approx(common, rel=1e-5)
    assert "attribution" not in table


def test_nothing_is_not_taken_for_not_given():
    for given in ({"value_range": 0}, {"scale": 0}, {"value_range": -1.0}):
        with pytest.raises(InputError, match=f"{next(iter(given))}: got {next(iter(given.values()))}"):
            networks.load("fsrcnn", **given)
    assert networks.load("fsrcnn", value_range=2.0, check=False).value_range == 2.0
    assert networks.load("fsrcnn").value_range == 1.0


def test_labels_are_told_once(tmp_path):
    found = studies.path_sensitivity([toy()], picture(), REGION, {"a": "blur", "b": "black"}, **QUIET)
    for one in found.variables.values():
        words = one.attrs["long_name"]
        assert words.count("first choice") <= 1 and "_" not in words
    assert found.rank_correlation.attrs["long_name"] == "rank correlation with the first choice's map"


def test_ends_of_intervals_have_one_label_in_every_study():
    index = np.exp(np.random.default_rng(0).normal(size=(4, 5)))
    data = {"diffusion_index": (("model", "image", "region"), index[..., None]), "psnr": (("model", "image"), index)}
    names = [f"net {k}" for k in range(4)]
    table = xr.Dataset(data, coords={"model": np.array(names, dtype=object)})
    sizes = {name: (k + 1, 1) for k, name in enumerate(names)}
    found = [studies.di_against_psnr(table, draws=9), studies.di_against_size(table, sizes, draws=9)]
    for end, words in (("", ""), ("_low", ", low"), ("_high", ", high")):
        assert {one["diffusion_index" + end].attrs["long_name"] for one in found} == {"diffusion index" + words}


def test_training_leaves_the_callers_random_numbers_alone(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    lam.images.to_pillow(picture(60, 70)).save(photos / "wave.png")
    small = {"options": {"width": 4, "blocks": 1, "scale": 2}, "batch": 1, "patch": 12, "device": "cpu"}
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training.train(photos, tmp_path / "net.safetensors", steps=1, seed=9, adversary=0.01, **small)
    torch.testing.assert_close(torch.rand(4), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lam.images.Noise(-1), "sigma: got -1"),
        (lambda: lam.images.JPEG(0), "quality: got 0"),
        (lambda: lam.images.Blur(0), "sigma: got 0"),
        (lambda: lam.images.Rain(-1), "seed: got -1"),
        (lambda: lam.paths.blur(-1), "sigma: got -1"),
    ],
)
def test_what_cannot_work_fails_when_it_is_made(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_counts_may_be_numpys():
    torch.testing.assert_close(lam.images.downscale(picture(), np.int64(4)), lam.images.downscale(picture(), 4))
    assert lam.images.upscale(picture(), np.int8(2)).shape == (3, 40, 52)
    assert lam.images.JPEG(np.int64(50))(picture()).shape == (3, 20, 26)


class OneByOne:
    """A path of one's own that knows its velocity, and takes one alpha at a time."""

    def __init__(self, image):
        self.image = image

    def __call__(self, alpha):
        assert np.ndim(alpha) == 0
        return self.image * alpha**2

    def velocity(self, alpha):
        assert np.ndim(alpha) == 0
        return 2 * self.image * alpha


def test_an_own_path_may_know_its_velocity():
    def plain(image):
        return lambda alpha: image * alpha**2

    own, same = (lam.attribute(toy(), picture(), REGION, path=one, **QUIET) for one in (OneByOne, plain))
    np.testing.assert_allclose(own.attribution, same.attribution, atol=1e-6)
    several = lam.attribute(toy(), picture(), [REGION, Region(4, 4, 8)], path=OneByOne, **QUIET)
    np.testing.assert_allclose(several.attribution[0], own.attribution, atol=1e-6)

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import lam_nb as lam
from lam_nb import InputError, identity, networks
from lam_nb.networks import architectures
from lam_nb.networks.training import bicubic, evaluate

ADVERSARIAL = {"residual-gan", "srresnet-gan", "srresnet-residual-gan"}
"""Sharper than the others, not closer to the truth."""
ROBUST = {"srresnet-residual-robust"}
"""Learned from blur and noise as well: on one clean sample no better than bicubic, by 0.2 %."""
ENLARGING = [name for name in networks.shipped() if networks.card(name)["scale"] == 4]


@pytest.mark.parametrize("shipped", sorted(set(ENLARGING) - ADVERSARIAL - ROBUST))
def test_shipped_networks_beat_bicubic_on_every_sample(shipped):
    net = networks.load(shipped)
    for name in lam.images.samples():
        hr = lam.images.sample(name)
        lr = lam.images.downscale(hr, 4)
        with torch.no_grad():
            sharp = net(lr[None])[0]
        errors = [float((image - hr).square().mean()) for image in (sharp, lam.images.upscale(lr, 4))]
        assert errors[0] < errors[1], name


LEAST = {"fsrcnn": 1, "dncnn-small": 5, "srresnet-mse": 1.2, "srresnet-residual-gan": 1, "srresnet-gan": 0.5}
"""What small networks restore better than the baseline, in dB on Set5, where it is not 1.5."""
BY_OTHERS = {"rfdn": "RFDN_AIM.pth", "carn-m": "carn_m.pth"}


def test_shipped_networks_have_a_card_and_are_small():
    for name in networks.shipped():
        card, net = networks.card(name), networks.load(name)
        assert card["weights_sha256"] == net.weights_hash and card["parameters"] == net.parameter_count <= 450_000
        if name in BY_OTHERS:
            assert card["licence"] == "MIT" and card["psnr_luma"]["Set5"] - card["psnr_luma_bicubic"]["Set5"] > 3
            continue
        assert card["parameters"] <= 150_000
        least = LEAST.get(name, 1.5)
        baseline = card["psnr_luma_bicubic" if name in ENLARGING else "psnr_luma_noisy"]
        assert card["psnr_luma"]["Set5"] - baseline["Set5"] >= least
        assert card["training"].startswith("python -m lam_nb.networks.training ")
        assert card["data_terms"] == "BSDS500 photographs: for research and education"
    weights = {path.stem: path.stat().st_size for path in networks.loading.folder().rglob("*.safetensors")}
    assert max(weights.values()) <= 1_800_000 and sum(weights.values()) <= 7_800_000
    assert all(size <= 250_000 for name, size in weights.items() if name.startswith(("srresnet", "photographs")))


@pytest.mark.shared
@pytest.mark.parametrize("name", BY_OTHERS)
def test_networks_of_others_are_as_published(name, shared, image):
    published = networks.load(shared / "data" / "weights" / BY_OTHERS[name], check=False)
    shipped = networks.load(name, check=False)
    assert shipped.weights_hash == published.weights_hash and shipped.value_range == published.value_range
    with torch.no_grad():
        torch.testing.assert_close(shipped(image[None]), published(image[None]), rtol=0, atol=0)
    folder = networks.loading.folder()
    for file in ("LICENSE-RFDN.txt", "LICENSE-CARN.txt"):
        assert (folder / file).read_bytes() == (shared / "data" / "weights" / file).read_bytes()


@pytest.mark.shared
@pytest.mark.parametrize("name", networks.shipped())
def test_cards_state_what_is_measured(name, shared):
    photographs = {path.stem: lam.images.load(path) for path in lam.images.files(shared / "data" / "images" / "set5")}
    measured = float(evaluate(networks.load(name), photographs, progress=False).psnr_luma.mean())
    assert networks.card(name)["psnr_luma"]["Set5"] == pytest.approx(measured, abs=0.02)


def test_what_learned_from_blur_and_noise_undoes_them_better():
    robust, clean = (networks.load(name) for name in ("srresnet-residual-robust", "srresnet-residual-mse"))
    truth = lam.images.sample("cat")
    small = lam.images.downscale(truth, 4)[None]
    for spoil in (lam.images.Blur(2), lam.images.Noise(0.08)):
        with torch.no_grad():
            errors = [float((net(spoil(small))[0] - truth).square().mean()) for net in (robust, clean)]
        assert errors[0] < 0.75 * errors[1], spoil


def test_a_denoiser_denoises():
    photographs = {"cat": lam.images.sample("cat")}
    table = evaluate(networks.load("dncnn-small"), photographs, progress=False)
    nothing = evaluate(bicubic(1), photographs, progress=False)
    assert table.attrs["noise"] == pytest.approx(25 / 255)
    assert float(table.psnr_luma[0]) > float(nothing.psnr_luma[0]) + 5


@pytest.mark.parametrize("name", ["imdn", "rfdn"])
def test_a_checkpoint_is_recognised_with_its_shape(name, tmp_path):
    options = {"width": 24, "blocks": 3, "scale": 2}
    torch.manual_seed(0)
    module = architectures.build(name, **options)
    wrapped = {"params_ema": {f"module.{key}": value for key, value in module.state_dict().items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / "mine.pth")
    save_file(module.state_dict(), tmp_path / "mine.safetensors")
    batch = torch.rand(1, 3, 17, 23)
    for ending in ("pth", "safetensors"):
        net = networks.load(tmp_path / f"mine.{ending}", value_range=1, check=False)
        assert (net.scale, net.name) == (2, "mine")
        torch.testing.assert_close(net(batch), module(batch))
    assert networks.load(name, weights=tmp_path / "mine.pth", check=False).name == name


class _Trap:
    def __reduce__(self):
        return (open, ("trap-was-sprung", "w"))


def test_a_malicious_pickle_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"a": torch.ones(1)}, "extra": _Trap()}, "trap.pth")
    with pytest.raises(InputError, match="more than weights"):
        networks.load("trap.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(_Trap()))
    with pytest.raises(InputError):
        networks.load("plain.pth")
    assert not (tmp_path / "trap-was-sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight": torch.ones(2)}, "none of the known architectures .*networks.wrap"),
        ({"state_dict": {}}, "expected a dictionary of tensors"),
        (torch.ones(3), "expected a dictionary of tensors"),
    ],
)
def test_unknown_checkpoints(content, message, tmp_path):
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(InputError, match=message):
        networks.load(tmp_path / "odd.pth")


def test_broken_and_missing_files(tmp_path):
    (tmp_path / "broken.pth").write_bytes(b"not a checkpoint")
    (tmp_path / "broken.safetensors").write_bytes(b"not a checkpoint")
    for name, message in (("broken.pth", "weights"), ("broken.safetensors", "no checkpoint"), ("none.pth", "no file")):
        with pytest.raises(InputError, match=message):
            networks.load(tmp_path / name)


def test_a_checkpoint_with_a_missing_layer_names_it(tmp_path):
    state = dict(architectures.build("imdn", width=16, blocks=2).state_dict())
    del state["LR_conv.bias"]
    torch.save(state, tmp_path / "short.pth")
    with pytest.raises(InputError, match=r"looks like imdn, but 1 keys differ, the first LR_conv\.bias"):
        networks.load(tmp_path / "short.pth")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.load("imdn-smal"), "did you mean 'imdn-small'"),
        (lambda: networks.load("edsr"), "give weights="),
        (lambda: networks.card("none"), "network: got 'none'"),
        (lambda: networks.wrap(3), "module: got int"),
        (lambda: networks.wrap(nn.Identity(), scale=0), "scale: got 0"),
        (lambda: networks.wrap(nn.Identity(), pad_to=0), "pad_to: got 0"),
        (lambda: networks.wrap(nn.Identity(), value_range=0), "value_range: got 0"),
        (lambda: networks.wrap(nn.Identity(), value_range="255"), "value_range: got '255'"),
        (lambda: networks.load("imdn-small", scale=2), "scale: got one for imdn"),
        (lambda: networks.wrap(nn.Conv2d(1, 1, 3)), "a trial run .* failed"),
        (lambda: networks.wrap(nn.Conv2d(3, 3, 2)), "expected a whole multiple"),
        (lambda: architectures.build("imdn", widht=3), "did you mean 'width'"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_wrap_finds_the_scale(scale):
    net = networks.wrap(nn.Upsample(scale_factor=scale))
    assert net.scale == scale
    assert net.task == ("restoration" if scale == 1 else "super-resolution")


def test_value_range_is_the_modules_own(image):
    seen = []

    def module(batch):
        seen.append(float(batch.max()))
        return batch.clamp(0, 255)

    net = networks.wrap(module, scale=1, value_range=255, check=False)
    torch.testing.assert_close(net(image[None])[0], image)
    assert seen[0] == pytest.approx(255 * float(image.max()))


@pytest.mark.parametrize(("rows", "columns"), [(20, 26), (16, 24), (3, 5)])
def test_padding_is_inside(rows, columns):
    shapes = []

    def module(batch):
        shapes.append(tuple(batch.shape[-2:]))
        return nn.functional.interpolate(batch, scale_factor=2.0)

    net = networks.wrap(module, scale=2, pad_to=8, check=False)
    batch = torch.rand(2, 3, rows, columns)
    torch.testing.assert_close(net(batch), nn.functional.interpolate(batch, scale_factor=2.0))
    assert not np.mod(shapes, 8).any()


def test_digest_depends_on_names_shapes_and_values():
    states = [{"a": torch.zeros(2)}, {"b": torch.zeros(2)}, {"a": torch.zeros(2, 1)}, {"a": torch.ones(2)}]
    assert len({identity.of_weights(state) for state in states}) == 4

"""Any module becomes a Network: colours, ranges, answers, foreign interfaces, and a check on a photograph."""

import types
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import InputError, identity, networks
from lam_nb.networks import architectures, checkpoints
from lam_nb.types import ImplausibleNetwork
from tests import standin

BATCH = torch.rand(2, 3, 13, 18, generator=torch.Generator().manual_seed(0))


def enlarge(batch):
    return nn.functional.interpolate(batch, scale_factor=2.0, mode="bilinear")


@pytest.mark.parametrize(
    "settings",
    [{"mean": 0.5, "std": 0.5}, {"mean": (0.4, 0.5, 0.6)}, {"value_range": 255}, {"colours": "bgr"}, {"pad_to": 4}],
    ids=str,
)
def test_what_goes_in_is_undone_on_what_comes_out(settings):
    seen = []
    net = networks.wrap(lambda batch: seen.append(batch) or batch, scale=1, check=False, **settings)
    torch.testing.assert_close(net(BATCH), BATCH)
    last = seen[-1][..., :13, :18]
    expected = BATCH.flip(1) if "colours" in settings else BATCH
    mean = torch.tensor(settings.get("mean", 0.0)).reshape(1, -1, 1, 1)
    torch.testing.assert_close(last, (expected - mean) / settings.get("std", 1) * settings.get("value_range", 1))


def test_a_luma_network_sees_luma_and_chroma_passes():
    seen = []

    def module(batch):
        seen.append(batch)
        return nn.functional.interpolate(batch, scale_factor=2.0, mode="bicubic")

    net = networks.wrap(module, colours="luma", check=False)
    bicubic = nn.functional.interpolate(BATCH, scale_factor=2.0, mode="bicubic")
    torch.testing.assert_close(net(BATCH), bicubic)
    white = networks.wrap(module, colours="luma", check=False)(torch.ones(1, 3, 8, 8))
    assert seen[-1].shape == (1, 1, 8, 8)
    assert float(seen[-1].mean()) == pytest.approx(235 / 255)
    torch.testing.assert_close(white, torch.ones_like(white))


def test_a_one_channel_checkpoint_works_on_luma(tmp_path):
    module = architectures.build("swinir", width=12, depths=(2,), heads=3, window=4, size=8, channels=1)
    torch.save(module.state_dict(), tmp_path / "grey.pth")
    net = networks.load(tmp_path / "grey.pth", check=False)
    assert (net.colours, net(BATCH).shape) == ("luma", (2, 3, 52, 72))


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        (lambda x: [x], None),
        (lambda x: {"sr": x}, None),
        (lambda x: (x / 2, x), 1),
        (lambda x: [x / 2, x], -1),
        (lambda x: {"lr": x / 2, "sr": x}, "sr"),
        (lambda x: types.SimpleNamespace(last_hidden_state=x / 2, reconstruction=x), None),
        (lambda x: types.SimpleNamespace(sharp=x), "sharp"),
    ],
)
def test_the_picture_is_found_in_the_answer(answer, output):
    net = networks.wrap(lambda batch: answer(enlarge(batch)), output=output, check=False)
    assert net.scale == 2
    torch.testing.assert_close(net(BATCH), enlarge(BATCH))


def test_an_ambiguous_answer_lists_its_parts():
    with pytest.raises(InputError, match=r"answers with 'lr': .*'sr': .*give networks\.wrap output="):
        networks.wrap(lambda batch: {"lr": batch, "sr": enlarge(batch)}, scale=2, check=False)(BATCH)
    with pytest.raises(InputError, match=r"output: got 'hr', but network .* answers with \['lr'\]"):
        networks.wrap(lambda batch: {"lr": batch}, scale=1, output="hr", check=False)(BATCH)


def test_more_arguments_are_handed_on():
    net = networks.wrap(lambda batch, *, gain: gain * batch, arguments={"gain": 0.5}, check=False)
    torch.testing.assert_close(net(BATCH), 0.5 * BATCH)


class Descriptor:
    """What spandrel's ImageModelDescriptor offers: its call gives no gradients and clamps."""

    def __init__(self, model, channels=3, minimum=0):
        self.model, self.scale = model, 2
        self.input_channels = self.output_channels = channels
        self.size_requirements = types.SimpleNamespace(minimum=minimum, multiple_of=4, square=False)
        self.architecture = types.SimpleNamespace(name="SwinIR")

    @torch.inference_mode()
    def __call__(self, image):
        return self.model(image).clamp(0, 1)


def test_a_spandrel_descriptor_gives_its_inner_model():
    net = networks.wrap(Descriptor(nn.Upsample(scale_factor=2)), check=False)
    assert (net.name, net.scale, net.pad_to) == ("SwinIR", 2, 4)
    image = BATCH.clone().requires_grad_()
    net(image).sum().backward()
    assert bool((image.grad > 0).all())
    assert networks.wrap(Descriptor(nn.Upsample(scale_factor=2), minimum=64), check=False).pad_to == 1
    assert networks.wrap(Descriptor(nn.Upsample(scale_factor=2), channels=1), check=False).colours == "luma"
    assert networks.wrap(Descriptor(nn.Upsample(scale_factor=2), channels=4), check=False).axes.count == 4
    descriptor = Descriptor(nn.Upsample(scale_factor=2), channels=1)
    descriptor.output_channels = 3
    with pytest.raises(InputError, match="got SwinIR of 1 -> 3 channels, expected as many out as in"):
        networks.wrap(descriptor)


class Configured(nn.Module):
    """What transformers' Swin2SR models offer: a config, whole windows only, an object with the reconstruction."""

    config = types.SimpleNamespace(upscale=2, window_size=8)

    def forward(self, pixel_values):
        assert not pixel_values.shape[-1] % 8 and not pixel_values.shape[-2] % 8
        return types.SimpleNamespace(last_hidden_state=pixel_values, reconstruction=enlarge(pixel_values))


def test_a_transformers_model_tells_its_scale_and_window():
    net = networks.wrap(Configured())
    assert (net.scale, net.pad_to) == (2, 8)
    torch.testing.assert_close(net(BATCH)[..., :20, :30], enlarge(BATCH)[..., :20, :30])


@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_the_real_spandrel_descriptor():
    standin.provide()
    spandrel = pytest.importorskip("spandrel")
    module = architectures.build("swinir", width=12, depths=(2, 2), heads=3, window=4, size=8)
    net = networks.wrap(spandrel.ModelLoader().load_from_state_dict(module.state_dict()), check=False)
    torch.testing.assert_close(net.eval()(BATCH), module(BATCH))


def test_the_real_transformers_model(transformers):
    small = {"embed_dim": 12, "depths": [1], "num_heads": [2], "window_size": 4, "upscale": 2, "image_size": 16}
    model = transformers.Swin2SRForImageSuperResolution(transformers.Swin2SRConfig(**small))
    net = networks.wrap(model, check=False)
    assert (net.scale, net(BATCH).shape) == (2, (2, 3, 26, 36))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mean": "grey"}, "mean: got 'grey'"),
        ({"mean": (1, 2)}, r"mean: got \(1, 2\)"),
        ({"std": 0}, "std: got 0, expected a number or three, above 0"),
        ({"colours": "grb"}, "colours: got 'grb'"),
        ({"arguments": [1]}, "arguments: got list"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(InputError, match=message):
        networks.wrap(nn.Identity(), **settings)


def published(shared, file):
    return architectures.recognise(checkpoints.read(shared / "data" / "weights" / file))[1]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "wrong", "mended"),
    [
        ("RFDN_AIM.pth", {"value_range": 1}, r"value_range=255\.0"),
        ("IMDN_x4.pth", {"value_range": 255}, r"value_range=1\.0"),
        ("carn_m.pth", {"mean": 0.5, "std": 0.5}, r"mean=0\.0, std=1\.0"),
        ("dncnn_color_blind.pth", {"value_range": 255}, r"value_range=1\.0"),
    ],
)
def test_wrong_settings_warn_and_say_what_helps(shared, file, wrong, mended):
    module = published(shared, file)
    with pytest.warns(ImplausibleNetwork, match=mended):
        networks.wrap(module, **wrong)


def test_untrained_weights_warn_and_can_be_meant():
    module = architectures.build("imdn", width=16, blocks=2)
    with pytest.warns(ImplausibleNetwork, match="are the weights trained"):
        networks.wrap(module)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        networks.wrap(module, check=False)


def test_a_standardised_network_needs_its_mean():
    inner = nn.Upsample(scale_factor=2, mode="bicubic")
    module = nn.Sequential(inner, nn.Hardtanh(-1, 1))  # works on [-1, 1]: dark parts are lost with mean 0
    assert networks.wrap(module, mean=0.5, std=0.5).scale == 2


def test_a_network_that_cannot_take_the_photograph_says_so():
    def picky(batch):
        if batch.shape[-1] > 32:
            raise ValueError("too wide")
        return batch

    with pytest.warns(ImplausibleNetwork, match="could not be checked .*too wide"):
        networks.wrap(picky, scale=1)


def test_the_check_leaves_the_module_as_it_was():
    module = nn.Sequential(nn.Upsample(scale_factor=2, mode="bicubic"), nn.Dropout(0.5)).train()
    networks.wrap(module)
    assert module.training and module[1].training


def test_the_card_tells_everything_and_escapes_html():
    net = networks.wrap(nn.Identity(), name="<b>mine</b>", pad_to=2, about={"citation": "Me, 2026"}, check=False)
    for word in ("<b>mine</b>", "restoration", "SHA-256", "pad to", "Me, 2026"):
        assert word in net.card
    assert "<b>" not in net._repr_html_()
    assert "Set5" in networks.load("imdn-small").card


def test_an_unknown_checkpoint_names_the_nearest(tmp_path):
    state = architectures.build("edsr", width=8, blocks=2).state_dict()
    odd = {key.replace("body.0.", "trunk.0."): value for key, value in state.items() if "body.0.body.0" not in key}
    torch.save(odd, tmp_path / "odd.pth")
    with pytest.raises(InputError, match=r"nearest: edsr, .*edsr also has body\.0\.body\.0\.weight, but has no trunk"):
        lam.networks.load(tmp_path / "odd.pth")


class Noisy(nn.Module):
    """Draws a latent of the size of its input, as generative networks do."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.look = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, batch):
        return batch + 0.02 * self.look(torch.tanh(batch + torch.randn_like(batch)))


def test_a_random_network_takes_a_seed_and_its_map_is_one():
    image = torch.rand(3, 24, 30, generator=torch.Generator().manual_seed(0))
    with pytest.warns(ImplausibleNetwork, match=r"it draws random numbers\. Give seed="):
        networks.wrap(Noisy(), scale=1)
    net, other = (networks.wrap(Noisy(), scale=1, seed=seed, check=False) for seed in (3, 4))
    before = torch.get_rng_state()
    twice = torch.stack([image, image])
    with torch.no_grad():
        one, two = net(twice)
        assert torch.equal(one, two) and torch.equal(one, net(image[None])[0])
        assert not torch.equal(one, other(image[None])[0])
    maps = [
        lam.attribute(net, image, (8, 10, 6), steps=12, batch=batch, local=local, progress=False)
        for batch, local in ((1, True), (5, True), (12, False))
    ]
    for found in maps[1:]:
        np.testing.assert_allclose(found.attribution, maps[0].attribution, atol=1e-6)
    assert abs(float(maps[0].completeness_gap)) < 0.02
    assert maps[0].attrs["network_seed"] == "3" and "seed      " in net.card
    assert torch.equal(before, torch.get_rng_state())  # nobody else's numbers
    assert identity.of_network(net) != identity.of_network(other)
    with pytest.raises(InputError, match="seed: got -1"):
        networks.wrap(Noisy(), scale=1, seed=-1)

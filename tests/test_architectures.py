"""Architectures: same keys, same function as published; hyper-parameters read back from shapes."""

import json
import math
import zlib

import numpy as np
import pytest
import torch

from lam_nb import images, networks
from lam_nb.networks import architectures, checkpoints
from lam_nb.networks.architectures import registry
from lam_nb.types import InputError
from tests import standin

PUBLISHED = {
    "CARN": ("carn", 1),
    "CARN_M_official": ("carn-m", 1),
    "DDBPN": ("ddbpn", 1),
    "DRLN": ("drln", 255),
    "EDSR": ("edsr", 1),
    "FSRCNN": ("fsrcnn", 1),
    "IMDN": ("imdn", 1),
    "IMDN_official": ("imdn", 1),
    "MSRN": ("msrn", 255),
    "PAN": ("pan", 1),
    "RCAN": ("rcan", 255),
    "RFDN": ("rfdn", 255),
    "RFDN_official": ("rfdn", 1),
    "RNAN": ("rnan", 255),
    "RRDBNet": ("rrdbnet", 1),
    "SAN": ("san", 255),
    "SRCNN": ("srcnn", 1),
    "SRResNet": ("srresnet", 1),
}
"""Reference -> architecture, and the largest pixel value that the recorded network works with inside."""

TOLERANCES = {"SAN": 1e-3, "RNAN": 1e-3}
"""Looser where the reference is float32, and where sharp softmaxes magnify rounding errors 10⁹ times."""

PARAMETERS = {
    "carn": 1_111_899,
    "carn-m": 414_811,
    "ddbpn": 10_426_358,
    "dncnn": 668_227,
    "drln": 34_577_867,
    "edsr": 1_517_595,
    "fsrcnn": 24_683,
    "imdn": 715_176,
    "msrn": 6_078_043,
    "pan": 272_419,
    "rcan": 15_592_379,
    "residual": 99_624,
    "rfdn": 433_448,
    "rnan": 9_255_003,
    "rrdbnet": 16_697_987,
    "san": 15_860_512,
    "srcnn": 69_251,
    "srresnet": 1_517_571,
    "swinir": 929_628,
}

SMALL = {
    "carn": {"width": 8, "groups": 2},
    "carn-m": {"width": 8, "groups": 2},
    "ddbpn": {"width": 6, "blocks": 3, "first_width": 10},
    "dncnn": {"width": 6, "blocks": 4},
    "drln": {"width": 4, "squeezed": 2},
    "edsr": {"width": 8, "blocks": 3},
    "fsrcnn": {"width": 10, "inner": 6, "blocks": 2},
    "imdn": {"width": 16, "blocks": 2},
    "msrn": {"width": 6, "blocks": 3},
    "pan": {"width": 8, "blocks": 3, "last_width": 6},
    "rcan": {"width": 8, "groups": 3, "blocks": 2, "squeezed": 3},
    "residual": {"width": 12, "blocks": 5, "squeezed": 3, "widest": 4, "attending": 2},
    "rfdn": {"width": 12, "blocks": 2},
    "rnan": {"width": 6, "blocks": 2},
    "rrdbnet": {"width": 8, "blocks": 2, "growth": 5},
    "san": {"width": 8, "groups": 2, "blocks": 3, "squeezed": 3, "inner": 4},
    "srcnn": {"width": 12, "inner": 8, "kernel": 3},
    "srresnet": {"width": 6, "blocks": 3},
    "swinir": {"width": 12, "depths": (2, 3), "heads": 3, "window": 4, "size": 8},
}
"""Hyper-parameters that differ from the published ones."""

SCALES = {"ddbpn": (2, 4, 8), "dncnn": (1,), "rrdbnet": (1, 2, 4)}
UNTOLD = {"carn-m", "fsrcnn", "srcnn"}
"""Architectures whose checkpoints do not tell the scale."""
CASES = [(name, scale) for name in SMALL for scale in SCALES.get(name, (2, 3, 4))]


def small(name, scale, **options):
    scaled = {} if name == "dncnn" else {"scale": scale}
    torch.manual_seed(0)
    return architectures.build(name, **SMALL[name], **scaled, **options).eval()


@pytest.fixture(scope="module")
def golden(shared):
    return json.loads((shared / "golden" / "architectures.json").read_text())


@pytest.fixture
def batch():
    return torch.rand(1, 3, 17, 23, generator=torch.Generator().manual_seed(1))


def filled(key, shape, gain):
    size = math.prod(shape)
    wave = torch.sin(12.9898 * torch.arange(size, dtype=torch.float64) + zlib.crc32(key.encode()) % 1000) * 43758.5453
    value = 2 * (wave - wave.floor()) - 1
    if len(shape) > 1:
        value *= math.sqrt(gain * shape[0] / size)
    elif key.endswith("weight"):
        value = 0.5 + 0.1 * value
    else:
        value *= 0.05
    return value.reshape(shape)


def wave_image():
    channel, row, column = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (3, 24, 20)), indexing="ij")
    return (0.5 + 0.5 * torch.sin(0.1 * row + 0.23 * column + channel))[None]


def check_against(reference, output, tolerance):
    assert list(output.shape) == reference["output_shape"]
    pixels = output.double().flatten()
    got = [pixels.mean(), pixels.std(), *(pixels[int(index)] for index in reference["samples"])]
    expected = [reference["mean"], reference["std"], *reference["samples"].values()]
    np.testing.assert_allclose(np.array(got), expected, rtol=tolerance)


@pytest.mark.shared
@pytest.mark.parametrize("row", PUBLISHED)
def test_same_function_as_published(row, golden):
    name, largest = PUBLISHED[row]
    reference = golden[row]
    dtype = getattr(torch, reference["dtype"])
    state = {key: filled(key, shape, reference["gain"]) for key, shape in reference["state_dict"].items()}
    recognised, network = architectures.recognise(state)
    assert recognised == name
    assert sum(p.numel() for p in network.parameters()) == reference["parameters"]
    network.to(dtype).load_state_dict(state)
    with torch.no_grad():
        output = network(largest * wave_image().to(dtype)) / largest
    check_against(reference, output, TOLERANCES.get(row, 1e-6))


@pytest.mark.shared
def test_every_reference_is_used(golden):
    assert golden.keys() == PUBLISHED.keys()


def published(shared, file):
    return architectures.recognise(checkpoints.read(shared / "data" / "weights" / file))


def error(image, truth):
    return float((image - truth).square().mean())


@pytest.mark.shared
def test_published_denoiser_denoises(shared):
    name, network = published(shared, "dncnn_color_blind.pth")
    clean = images.load(shared / "data" / "images" / "lam" / "1.png")[:, :96, :128]
    noisy = clean + 25 / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        restored = network(noisy[None])[0]
    assert name == "dncnn"
    assert error(restored, clean) < error(noisy, clean) / 8


@pytest.mark.shared
def test_published_carn_m_beats_bicubic(shared):
    name, network = published(shared, "carn_m.pth")
    assert name == "carn-m"
    for path in sorted((shared / "data" / "images" / "set5").iterdir()):
        truth = images.crop(images.load(path), 0, 0, 224, 224)
        coarse = images.downscale(truth, 4)
        with torch.no_grad():
            sharp = network(coarse[None])[0].clamp(0, 1)
        assert error(sharp, truth) < 0.85 * error(images.upscale(coarse, 4), truth), path


SWINIR = {
    "shuffle": (4, 0.440151620242, 0.428241906884, (0.259144033588, 0.795955453666, -0.107323297334)),
    "shuffles": (2, 0.458633927715, 0.163041862453, (0.540850844641, 0.356248984078, 0.460658155887)),
    "nearest": (4, 0.431230853990, 0.047630758419, (0.454313152823, 0.412782100769, 0.396710436921)),
    "none": (1, 0.408404425068, 0.530273531265, (0.268088925651, 1.049093809288, 0.595290895655)),
}
"""Tail -> scale, mean, standard deviation and three values computed with spandrel 0.4.2's SwinIR, filled alike."""


def filled_swinir(tail):
    joining = 3 if tail == "nearest" else 1
    options = {"width": 12, "depths": (2, 2), "heads": 3, "window": 4, "size": 8, "joining": joining}
    network = architectures.build("swinir", tail=tail, scale=SWINIR[tail][0], **options).double()
    state = network.state_dict()
    derived = ("attn_mask", "relative_position_index")
    return {key: v if key.endswith(derived) else filled(key, v.shape, 2.0) for key, v in state.items()}


@pytest.mark.parametrize("tail", SWINIR)
def test_swinir_same_function_as_published(tail):
    name, network = architectures.recognise(filled_swinir(tail))
    network.double().load_state_dict(filled_swinir(tail))
    with torch.no_grad():
        output = network(wave_image())
    scale, mean, deviation, expected = SWINIR[tail]
    pixels = output.flatten()
    got = [pixels[k] for k in (0, len(pixels) // 3, -1)]
    assert (name, output.shape) == ("swinir", (1, 3, 24 * scale, 20 * scale))
    np.testing.assert_allclose([pixels.mean(), pixels.std(), *got], [mean, deviation, *expected], atol=1e-10)


@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@pytest.mark.parametrize("tail", SWINIR)
def test_swinir_against_spandrel(tail):
    standin.provide()
    spandrel = pytest.importorskip("spandrel")
    descriptor = spandrel.ModelLoader().load_from_state_dict(filled_swinir(tail))
    _, network = architectures.recognise(filled_swinir(tail))
    image = wave_image().float()
    with torch.no_grad():
        torch.testing.assert_close(network(image), descriptor.model.eval()(image))


def test_tables_are_complete():
    assert set(architectures.names()) == PARAMETERS.keys() == SMALL.keys()


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_count(name):
    with torch.device("meta"):
        network = architectures.build(name)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_round_trip(name, scale, batch):
    network = small(name, scale)
    untold = {"scale": scale} if name in UNTOLD or (name, scale) == ("pan", 3) else {}
    recognised, copy = architectures.recognise(network.state_dict(), **untold)
    with torch.no_grad():
        output = network(batch)
        assert recognised == name
        assert output.shape == (1, 3, 17 * scale, 23 * scale)
        torch.testing.assert_close(copy.eval()(batch), output)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_carn_of_several_scales(scale, batch):
    network = small("carn", scale, multiple=True)
    _, copy = architectures.recognise(network.state_dict(), scale=scale)
    with torch.no_grad():
        torch.testing.assert_close(copy(batch), network(batch))
        assert architectures.recognise(network.state_dict())[1](batch).shape[2] == 4 * 17


def test_large_edsr_scales_its_residuals(batch):
    with torch.device("meta"):
        large = architectures.build("edsr", width=256, blocks=32)
    assert {block.scale for block in large.body[:-1]} == {0.1}
    network = small("edsr", 2, residual_scale=0.1)
    _, copy = architectures.recognise(network.state_dict(), residual_scale=0.1)
    _, plain = architectures.recognise(network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(copy(batch), network(batch))
        assert not torch.allclose(plain(batch), network(batch))


@pytest.mark.parametrize(("name", "scale"), [("carn", 5), ("carn-m", 8), ("ddbpn", 3), ("edsr", 6), ("rrdbnet", 3)])
def test_impossible_scales(name, scale):
    with pytest.raises(InputError, match=f"scale: got {scale}"):
        small(name, scale)


def test_options_are_checked():
    state = small("srcnn", 4).state_dict()
    with pytest.raises(InputError, match="did you mean 'scale'"):
        architectures.recognise(state, scales=2)
    with pytest.raises(InputError, match="did you mean 'blocks'"):
        architectures.build("edsr", block=2)


def test_a_missing_key_is_named():
    state = {key: value for key, value in small("edsr", 2).state_dict().items() if key != "head.0.weight"}
    with pytest.raises(InputError, match=r"looks like edsr, but has no key 'head\.0\.weight'"):
        architectures.recognise(state)


@pytest.mark.parametrize("bad", [1e30, 0, -3, 10**9, "4", None])
def test_numbers_that_no_network_has_are_refused_at_once(bad):
    with pytest.raises(InputError, match="blocks: got"):
        architectures.build("edsr", blocks=bad)


@pytest.mark.parametrize("name", architectures.names())
def test_no_other_architecture_has_all_keys_and_shapes(name):
    state = architectures.build(name).state_dict()
    claiming = [other for other, kind in registry._ARCHITECTURES.items() if kind.detect(state)]
    assert name in claiming
    assert architectures.recognise(state)[0] == name
    incomplete = {key: value for key, value in state.items() if key != registry._ARCHITECTURES[name].keys[-1]}
    assert not registry._ARCHITECTURES[name].detect(incomplete)


def test_a_checkpoint_that_two_could_claim_names_both_and_is_loaded_as_the_one_that_is_said(monkeypatch, tmp_path):
    class Twin(architectures.srcnn.SRCNN):
        """The same keys and shapes, another network."""

        def forward(self, image):
            return -super().forward(image)

    twins = {**registry._ARCHITECTURES, "twin": registry.Kind(Twin, ("conv1.weight", "conv3.weight"))}
    monkeypatch.setattr(registry, "_ARCHITECTURES", twins)
    torch.save(architectures.build("srcnn").state_dict(), tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"could be of srcnn or twin.*networks.load\('srcnn', weights=path\)"):
        networks.load(tmp_path / "net.pth")
    one, other = (networks.load(name, weights=tmp_path / "net.pth", check=False) for name in ("srcnn", "twin"))
    batch = torch.rand(1, 3, 12, 10)
    with torch.no_grad():
        torch.testing.assert_close(one.module(batch), -other.module(batch))


def test_a_plain_srresnet_is_the_other_without_its_enlarged_picture(batch):
    plain, corrected = (small("srresnet", 4, plain=plain) for plain in (1, 0))
    enlarged = torch.nn.functional.interpolate(batch, scale_factor=4.0, mode="bilinear")
    with torch.no_grad():
        torch.testing.assert_close(plain(batch) + enlarged, corrected(batch))
        _, copy = architectures.recognise(plain.state_dict())
        torch.testing.assert_close(copy(batch), plain(batch))

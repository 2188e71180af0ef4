"""Networks that spandrel knows: loaded by path, the same as it calls them, with gradients; and told so without it."""

import sys

import pytest
import torch

import lam_nb as lam
from lam_nb import InputError, networks
from lam_nb.networks import architectures
from lam_nb.types import ImplausibleNetwork
from tests import standin
from tests.benchmarks.architectures import filled, instances, tried

pytestmark = pytest.mark.filterwarnings("ignore")  # of theirs
SMALL = "Compact", "Swin2SR", "SPAN", "PLKSR", "DITN", "SAFMN", "NAFNet", "SeemoRe", "MixDehazeNet", "CRAFT"
"""Each with something of its own: a size, an order, a fused layer, a write in place, one picture at a time, a range."""


@pytest.fixture(scope="module", autouse=True)
def spandrel():
    standin.provide()
    return pytest.importorskip("spandrel")


def built(name):
    return next(build for _, kind, build in instances() if name in (kind, _))


@pytest.mark.parametrize("name", SMALL)
def test_a_checkpoint_loads_and_is_what_spandrel_calls(name, tmp_path):
    row = tried(built(name), tmp_path)
    assert row["by"].startswith("spandrel") and row["off"] <= 1e-6
    assert row["finite"] and row["local_off"] < 1e-5 and row["kept"]


def test_community_files_of_old_keys_are_recognised(tmp_path):
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.save(filled(ESRGAN(num_filters=8, num_blocks=1)), tmp_path / "upscaler.pth")
    net = networks.load(tmp_path / "upscaler.pth", check=False)
    assert (net.name, net.scale, net.about["architecture"]) == ("upscaler", 4, "ESRGAN")


def test_a_network_that_wants_a_mask_is_told(tmp_path, spandrel):
    from spandrel.architectures.LaMa import LaMa

    torch.save({f"model.{k}": v for k, v in LaMa().model.state_dict().items()}, tmp_path / "mask.pth")
    with pytest.raises(InputError, match="fills what a mask leaves out"):
        networks.load(tmp_path / "mask.pth")


def test_another_range_is_refused(tmp_path):
    torch.save(filled(built("Compact")()), tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"value_range: got 255.*takes \[0, 1\]"):
        networks.load(tmp_path / "net.pth", value_range=255)


def test_what_nobody_knows_is_told_by_both(tmp_path):
    torch.save({"mine.weight": torch.zeros(3)}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"belong to none of the known .* spandrel .* does not know it, either"):
        networks.load(tmp_path / "net.pth")


def test_without_spandrel_it_says_what_to_install(tmp_path, monkeypatch):
    torch.save(filled(built("Compact")()), tmp_path / "net.pth")
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(InputError, match=r"spandrel knows some 40 more"):
        networks.load(tmp_path / "net.pth")


def test_our_own_architectures_come_first(tmp_path):
    torch.save(architectures.build("rcan", width=8, groups=1, blocks=1).state_dict(), tmp_path / "net.pth")
    assert "recognised_by" not in networks.load(tmp_path / "net.pth", check=False).about


def test_a_stored_map_tells_who_recognised_the_network(tmp_path):
    torch.save(filled(built("Compact")()), tmp_path / "net.pth")
    net = networks.load(tmp_path / "net.pth", check=False)
    assert net.card.splitlines()[0].split() == ["name", "net"] and "spandrel 0.4" in net.card
    ds = lam.attribute(net, torch.rand(3, 24, 30), (20, 30, 8), steps=2, progress=False)
    assert ds.attrs["value_range"] == 1


def test_a_face_network_says_what_it_asks_for(tmp_path):
    torch.save(filled(built("RestoreFormer")()), tmp_path / "face.pth")
    with pytest.warns(ImplausibleNetwork, match="asks for one aligned face that fills the picture; of any other"):
        net = networks.load(tmp_path / "face.pth")
    assert "asks for" in net.card


def test_what_loses_marks_is_not_said_to_see_one_pixel(tmp_path):
    torch.save(filled(built("HVICIDNet")()), tmp_path / "net.pth")
    field = lam.receptive_field(networks.load(tmp_path / "net.pth", check=False), side=48, limit=192)
    assert float(field.field_width) == float("inf")

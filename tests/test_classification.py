"""The classifier: a contrast to networks that restore, and none of them."""

import pytest
import torch

from lam_nb import InputError, identity, images, networks
from lam_nb.networks.training import accuracy
from lam_widgets.explorer import offers


@pytest.mark.parametrize("name", networks.classifiers())
def test_a_classifier_has_a_card_and_is_no_network_to_be_attributed(name):
    card, net = networks.card(name), networks.classifier(name)
    assert card["weights_sha256"] == identity.of_weights(net.state_dict())
    assert card["parameters"] == sum(one.numel() for one in net.parameters())
    assert card["classes"] == len(net.head.bias) and card["accuracy"] > 100 / card["classes"]
    assert card["training"].startswith("python -m lam_nb.networks.training.classification ")
    assert card["licence"] == "Apache-2.0" and card["data_terms"]
    assert name not in networks.shipped() and name not in offers.named_networks(None)
    with pytest.raises(InputError, match="network: got 'photographs'"):
        networks.load(name)


def test_a_classifier_knows_a_crop_by_any_part_of_a_larger_one():
    """Its answer is a mean over the picture: a picture beside its mirror is what it is alone, but for the seam."""
    net, picture = networks.classifier(), images.downscale(images.sample("cat"), 4)
    with torch.no_grad():
        alone, twice = net(picture[None]), net(torch.cat([picture, picture.flip(2)], 2)[None])
    assert (alone - twice).abs().mean() < 0.5 * alone.std()


def test_other_weights_are_told_in_words():
    with pytest.raises(InputError, match="classifier: got 'photograph', expected one of photographs; did you mean"):
        networks.classifier("photograph")
    with pytest.raises(InputError, match=r"fsrcnn.safetensors holds other weights, such as .*load"):
        networks.classifier(networks.loading.folder() / "fsrcnn.safetensors")


@pytest.mark.shared
def test_the_card_states_what_is_measured(shared):
    found = accuracy(networks.classifier(), shared / "data" / "train")
    assert networks.card("photographs")["accuracy"] == pytest.approx(found, abs=0.005)

"""Blur integrated gradients of the package `saliency` is an independent implementation of the same map."""

import os

import numpy as np
import pytest
import torch

import lam_nb as lam
from lam_nb.engine.running import Leased
from lam_nb.engine.sampling import value_and_gradient

pytestmark = pytest.mark.oracle


@pytest.mark.filterwarnings("ignore")
def test_the_paper_rule_is_blur_integrated_gradients():
    if not os.environ.get("CI"):
        pytest.importorskip("saliency")
    from saliency.core import BlurIG
    from saliency.core.base import INPUT_OUTPUT_GRADIENTS

    net, region = lam.networks.load("imdn-small"), lam.Region(112, 120)
    lr = lam.images.downscale(lam.images.sample("facade")[:, :224], 4)
    detector = lam.detectors.edges(region)

    def call_model(batch, call_model_args=None, expected_keys=None):
        images = torch.from_numpy(np.asarray(batch, np.float32)).permute(0, 3, 1, 2)
        _, gradient, _ = value_and_gradient(Leased(net, images.device), detector, images)
        return {INPUT_OUTPUT_GRADIENTS: gradient.permute(0, 2, 3, 1).numpy()}

    oracle = BlurIG().GetMask(lr.permute(1, 2, 0).numpy().astype(float), call_model, max_sigma=1.2, steps=50)
    ours = lam.attribute(net, lr, region, path=lam.paths.blur(1.2, 11), rule="paper", steps=50, progress=False)
    theirs, own = (np.abs(m)[5:-5, 5:-5].ravel() for m in (oracle.sum(-1), ours.lam.signed().values))
    assert np.corrcoef(theirs, own)[0, 1] > 0.999  # it pads with zeros; the border is left out

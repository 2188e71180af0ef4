"""Modules of every kind give the map that the plain one gives, and are left as they were found."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import lam_nb as lam
from lam_nb import networks


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))


class Viewing(nn.Module):
    """Needs the outputs of convolutions in the usual order of bytes."""

    def __init__(self):
        super().__init__()
        self.inner = plain()

    def forward(self, batch):
        features = self.inner[0](batch)
        flat = features.view(len(batch), -1)
        return self.inner[2](torch.relu(flat).view(features.shape))


class Again(nn.Module):
    """Computes its activations a second time on the way back."""

    def __init__(self):
        super().__init__()
        self.inner = plain()

    def forward(self, batch):
        return checkpoint(self.inner, batch, use_reentrant=False)


class Lazy(nn.Module):
    """Makes its weights at the first call."""

    def __init__(self):
        super().__init__()
        self.first, self.rest = nn.LazyConv2d(8, 3, padding=1), plain()

    def forward(self, batch):
        if isinstance(self.first.weight, nn.UninitializedParameter):
            self.first.initialize_parameters(batch)
            self.first.load_state_dict(self.rest[0].state_dict())
        return self.rest[2](torch.relu(self.first(batch)))


def normed(norm):
    def make():
        module = plain()
        norm(module[0])
        return module

    return make


KINDS = {
    "plain": plain,
    "training": lambda: plain().train(),
    "double": lambda: plain().double(),
    "views": Viewing,
    "activations again": Again,
    "lazy": Lazy,
    "weight norm": normed(nn.utils.parametrizations.weight_norm),
    "old weight norm": normed(nn.utils.weight_norm),
    "traced": lambda: torch.jit.trace(plain(), torch.zeros(1, 3, 20, 26)),
    "scripted": lambda: torch.jit.script(plain()),
    "parallel": lambda: nn.DataParallel(plain()),
    "compiled": lambda: torch.compile(plain(), backend="eager"),
    "function": lambda: plain().requires_grad_(False).forward,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_every_kind_of_module_gives_the_same_map(kind, image):
    expected = lam.attribute(networks.wrap(plain(), scale=1, check=False), image, (4, 6, 8), progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = KINDS[kind]()
    modes = [part.training for part in module.modules()] if isinstance(module, nn.Module) else []
    found = lam.attribute(networks.wrap(module, scale=1, check=False), image, (4, 6, 8), progress=False)
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-6)
    if modes:
        assert [part.training for part in module.modules()] == modes
        assert all(weights.requires_grad for weights in module.parameters())

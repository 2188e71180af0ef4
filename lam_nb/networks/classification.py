"""Classification: a network that names the photograph, as a contrast to those that restore it."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import torch
from torch import nn

from ..validation import InputError, address, choose
from . import checkpoints
from .architectures.layers import State, conv
from .loading import folder

_WIDTHS = (16, 16, 32, 32, 56)
_HALVING = (2, 4)
"""Convolutions that halve the picture."""
_GREY, _SPREAD = 0.45, 0.25
"""Mean and standard deviation of photographs, about."""


class Classifier(nn.Module):
    """Five convolutions with ReLUs, two of them halving, the mean over the picture, one number for each class.

    Parameters
    ----------
    classes : int
        Photographs to tell apart.

    Examples
    --------
    >>> Classifier(classes=5)(torch.rand(2, 3, 24, 20)).shape
    torch.Size([2, 5])
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        pairs = enumerate(itertools.pairwise((3, *_WIDTHS)))
        self.layers = nn.Sequential(*(_layer(*widths, stride=2 if k in _HALVING else 1) for k, widths in pairs))
        self.head = nn.Linear(_WIDTHS[-1], classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map RGB in [0, 1], (n, 3, y, x), to logits (n, classes)."""
        return self.head(self.layers((image - _GREY) / _SPREAD).mean((2, 3)))

    @classmethod
    def from_state(cls, state: State) -> Classifier:
        """Build the classifier whose checkpoint `state` is, without its weights."""
        return cls(classes=len(state["head.weight"]))


def _layer(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    made = conv(inputs, outputs, stride=stride)
    nn.init.kaiming_normal_(made.weight, nonlinearity="relu")
    return nn.Sequential(made, nn.ReLU())


def classifiers() -> tuple[str, ...]:
    """Names of the classifiers that come with the package.

    Examples
    --------
    >>> classifiers()
    ('photographs',)
    """
    return tuple(sorted(path.stem for path in (folder() / "classifiers").glob("*.safetensors")))


def classifier(name: str | os.PathLike[str] = "photographs") -> Classifier:
    """Return a classifier: a bare module, since it enlarges nothing and no question about outputs is for it.

    "photographs" tells which of the 400 photographs that the small networks learned from a crop is cut from,
    after shrinking by 4: a contrast for what restoring networks know (arXiv 2108.00406).

    Parameters
    ----------
    name : str or path-like
        One of `classifiers`, or a file that `lam_nb.networks.training.train_classifier` wrote.

    Returns
    -------
    Classifier
        In evaluation mode: RGB in [0, 1], (n, 3, y, x), to logits (n, classes).

    Raises
    ------
    InputError
        If there is none of that name, or the file holds no such classifier.

    Examples
    --------
    >>> classifier()(torch.rand(1, 3, 48, 40)).shape
    torch.Size([1, 400])
    """
    path = address("classifier", name)
    if not path.suffix:
        path = folder() / "classifiers" / f"{choose('classifier', str(path), classifiers())}.safetensors"
    state = checkpoints.read(path)
    try:
        network = Classifier.from_state(state)
        network.load_state_dict(dict(state))
    except (KeyError, RuntimeError, TypeError):
        raise InputError(
            f"classifier: {Path(path).name} holds other weights, such as {next(iter(state))}; expected a file from "
            "lam_nb.networks.training.train_classifier, or load it with lam_nb.networks.load."
        ) from None
    return network.eval()

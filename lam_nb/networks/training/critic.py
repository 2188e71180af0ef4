"""A critic that tells real photographs from restored ones, for adversarial fine-tuning (SRGAN, arXiv 1609.04802)."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional


class Critic(nn.Module):
    """Judges overlapping patches of about 50 pixels; real and restored are compared with each other.

    The comparison is the relativistic average of ESRGAN (arXiv 1809.00219): a patch should look more
    real than the mean patch of the other kind.

    Parameters
    ----------
    width : int
        Channels of the first layer.
    rate : float
        Learning rate of Adam.

    Examples
    --------
    >>> critic = Critic(8)
    >>> bool(critic.deception(torch.rand(1, 3, 32, 40), torch.rand(1, 3, 32, 40)) > 0)
    True
    """

    def __init__(self, width: int = 32, rate: float = 1e-4) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 2 * width, 2 * width]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))
        self.optimiser = torch.optim.Adam(self.parameters(), lr=rate, betas=(0.9, 0.99))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Map RGB (n, 3, y, x) to logits of being real (n, 1, y / 16, x / 16)."""
        return self.layers(batch)

    def deception(self, restored: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Return the loss of a network that wants `restored` to pass for `real`."""
        return self._loss(more=self(restored), less=self(real))

    def learn(self, restored: torch.Tensor, real: torch.Tensor) -> None:
        """Take one step towards telling them apart."""
        loss = self._loss(more=self(real), less=self(restored.detach()))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    @staticmethod
    def _loss(more: torch.Tensor, less: torch.Tensor) -> torch.Tensor:
        above, below = more - less.mean(), less - more.mean()
        return (functional.softplus(-above).mean() + functional.softplus(below).mean()) / 2

"""Detectors: region -> (output -> one number per image).

To add one, write ``def mine(region): return lambda output: ...`` where `output` is a batch
(node, channel, y, x) of RGB in [0, 1] and the answer has one number per node.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from . import identity
from .types import Batch, Detector, DetectorMaker, Image, Region
from .validation import InputError, choose, positive, whole

__all__ = ["edges", "error", "gabor", "intensity", "named", "names"]
_MOST = 360
"""Directions that a detector of textures tells apart."""


def edges(region: Region) -> Detector:
    """Sum of the gradient's magnitude over the region: how much edge is there.

    For every channel sqrt((o[y, x] − o[y+1, x])² + (o[y, x] − o[y, x+1])²), the paper's detector as
    its demo computes it (Gu & Dong, arXiv 2011.11036). The region is cut out before the square root,
    and where the output is exactly flat the derivative is 0, so flat pictures give no NaN.

    Parameters
    ----------
    region : Region
        Window of the output. Differences reach one pixel below and to the right of it; the
        output's last row and column have none.

    Returns
    -------
    callable
        Batch (node, channel, y, x) -> tensor (node,), in units of intensity summed over pixels.

    Examples
    --------
    >>> edges(Region(0, 0, 4))(torch.zeros(2, 3, 8, 8))
    tensor([0., 0.])
    """
    region = Region.of(region)

    def detector(output: Batch) -> torch.Tensor:
        window = output[..., region.y : region.y + region.height + 1, region.x : region.x + region.width + 1]
        down = window[..., :-1, :-1] - window[..., 1:, :-1]
        right = window[..., :-1, :-1] - window[..., :-1, 1:]
        return _safe_root(down**2 + right**2).sum((1, 2, 3))

    return detector


def intensity(region: Region) -> Detector:
    """Sum of all values in the region.

    Examples
    --------
    >>> intensity(Region(0, 0, 4))(torch.ones(1, 3, 8, 8))
    tensor([48.])
    """
    window = Region.of(region)
    return lambda output: _window(output, window).sum((1, 2, 3))


def gabor(wavelength: float = 4.0, orientations: int = 8, sigma: float = 2.0) -> _Gabor:
    """Sum of the magnitudes of Gabor responses in the region: how much texture of one fineness.

    Parameters
    ----------
    wavelength : float
        Output pixels per period, > 0.
    orientations : int
        Directions, evenly over 180°, ≥ 1.
    sigma : float
        Width of the Gaussian envelope, output pixels, > 0.

    Returns
    -------
    callable
        region -> detector.

    Raises
    ------
    InputError
        If a number is not positive.

    Examples
    --------
    >>> gabor()(Region(0, 0, 4))(torch.zeros(2, 3, 8, 8))
    tensor([0., 0.])
    """
    positive("wavelength", wavelength, "output pixels per period")
    positive("sigma", sigma, "the envelope's width in output pixels")
    whole("orientations", orientations, most=_MOST)
    return _Gabor(wavelength, orientations, sigma)


class _Gabor:
    def __init__(self, wavelength: float, orientations: int, sigma: float) -> None:
        self.wavelength, self.orientations, self.sigma = wavelength, orientations, sigma

    def __repr__(self) -> str:
        return f"gabor(wavelength={self.wavelength}, orientations={self.orientations}, sigma={self.sigma})"

    def __call__(self, region: Region) -> Detector:
        kernels = _Placed(self._kernels())

        def detector(output: Batch) -> torch.Tensor:
            pairs = kernels.beside(output)
            window = _window(output, region)
            grey = functional.pad(window.flatten(0, 1)[:, None], (pairs.shape[-1] // 2,) * 4, mode="replicate")
            response = functional.conv2d(grey, pairs).unflatten(0, window.shape[:2])
            even, odd = response.chunk(2, 2)
            return _safe_root(even**2 + odd**2).sum((1, 2, 3, 4))

        return detector

    def _kernels(self) -> torch.Tensor:
        """Return even, then odd kernels, (2 · orientations, 1, side, side), each of sum 0."""
        reach = math.ceil(3 * self.sigma)
        offset = torch.arange(-reach, reach + 1, dtype=torch.float64)
        angles = torch.arange(self.orientations, dtype=torch.float64).reshape(-1, 1, 1) * math.pi / self.orientations
        along = offset[None, :] * angles.cos() + offset[:, None] * angles.sin()
        envelope = torch.exp(-(offset[None, :] ** 2 + offset[:, None] ** 2) / (2 * self.sigma**2))
        envelope = envelope / envelope.sum()
        phase = 2 * math.pi * along / self.wavelength
        even, odd = (envelope * wave for wave in (phase.cos(), phase.sin()))
        even = even - envelope * even.sum((1, 2), keepdim=True)
        return torch.cat([even, odd])[:, None]


def error(reference: Image) -> _Error:
    """Sum of squared differences to the ground truth in the region: what makes the output wrong.

    Parameters
    ----------
    reference : torch.Tensor, shape (3, out_y, out_x)
        The ground truth, as large as the output.

    Returns
    -------
    callable
        region -> detector; the detector raises InputError if the output has another size.

    Examples
    --------
    >>> error(torch.ones(3, 8, 8))(Region(0, 0, 4))(torch.zeros(1, 3, 8, 8))
    tensor([48.])
    """
    if not isinstance(reference, torch.Tensor) or reference.ndim != 3 or reference.layout != torch.strided:
        raise InputError(f"reference: got {type(reference).__name__}, expected a plain tensor (3, out_y, out_x).")
    return _Error(reference)


class _Error:
    def __init__(self, reference: Image) -> None:
        self.reference = reference

    def __repr__(self) -> str:
        return f"error(reference={identity.digest(self.reference)[:8]})"

    def __call__(self, region: Region) -> Detector:
        truth = _Placed(_window(self.reference[None], region))

        def detector(output: Batch) -> torch.Tensor:
            if output.shape[1:] != self.reference.shape:
                raise InputError(
                    f"reference: got shape {tuple(self.reference.shape)}, expected the output's, "
                    f"{tuple(output.shape[1:])}; crop it to a multiple of the scale."
                )
            return (_window(output, region) - truth.beside(output)).square().sum((1, 2, 3))

        return detector


class _Placed:
    """A constant that is copied to a device once, and not at every evaluation."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values

    def beside(self, other: torch.Tensor) -> torch.Tensor:
        if self.values.device != other.device or self.values.dtype != other.dtype:
            self.values = self.values.to(other)
        return self.values


def names() -> tuple[str, ...]:
    """Names of the detectors that `named` knows.

    Examples
    --------
    >>> names()
    ('edges', 'intensity', 'gabor')
    """
    return tuple(_named())


def named(detector: str | DetectorMaker) -> DetectorMaker:
    """Return the detector maker of a name, with its defaults; a function is returned as it is.

    Raises
    ------
    InputError
        If the name is unknown or `detector` is no function.

    Examples
    --------
    >>> named("edges") is edges
    True
    """
    if isinstance(detector, str):
        return _named()[choose("detector", detector, _named())]
    if not callable(detector):
        raise InputError(
            f"detector: got {detector!r}, expected a function region -> (output -> numbers), such as edges."
        )
    return detector


def _named() -> dict[str, DetectorMaker]:
    return {"edges": edges, "intensity": intensity, "gabor": gabor()}


def _window(output: Batch, region: Region) -> Batch:
    rows, columns = region.slices
    return output[..., rows, columns]


def _safe_root(square: torch.Tensor) -> torch.Tensor:
    """Square root whose derivative at 0 is 0 instead of infinite."""
    flat = square == 0
    return torch.where(flat, 0.0, torch.where(flat, 1.0, square).sqrt())

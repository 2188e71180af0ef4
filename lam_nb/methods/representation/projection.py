"""Projection: what features know, degradation or content, as samples in few dimensions."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional

from ... import identity, result
from ...engine import features as engine
from ...engine import running
from ...engine.progress import bar
from ...engine.running import Leased
from ...networks import NetworkLike
from ...types import Bar, Device, Image, Progress
from ...validation import InputError, choose, whole
from .components import Components
from .components import components as principal_components
from .gathering import Gathering
from .plane import Layout
from .samples import Degradations, ImagesLike, Samples, samples
from .shelf import Matrix

KINDS = ("whole", "pooled")
_THUMBNAIL = 48
"""Longest side of a sample's small picture, in pixels."""
TABLE = result.Table(
    {
        result.PROJECTION: ((result.LAYER, result.SAMPLE, result.COMPONENT), "projection on a component", "feature"),
        result.EXPLAINED_VARIANCE: ((result.LAYER, result.COMPONENT), "share of the features' variance", "1"),
        result.PLANE: ((result.LAYER, result.SAMPLE, result.AXIS), "place in the plane", "1"),
    },
    maker="lam_nb.representations",
    coordinates={
        result.LAYER: ((result.LAYER,), "layer", "1"),
        result.DEPTH: ((result.LAYER,), "share of the layers with weights that have answered", "1"),
        result.FEATURES: ((result.LAYER,), "features of a sample", "1"),
        result.COMPONENT: ((result.COMPONENT,), "principal component", "1"),
        result.AXIS: ((result.AXIS,), "axis of the plane", "1"),
        result.SAMPLE: ((result.SAMPLE,), "picture and what was done to it", "1"),
        result.CONTENT: ((result.SAMPLE,), "picture", "1"),
        result.DEGRADATION: ((result.SAMPLE,), "degradation", "1"),
        result.LEVEL: ((result.SAMPLE,), "level of the degradation", "1"),
        result.THUMBNAIL: ((result.SAMPLE, *result.PIXELS), "network input, small", "intensity/255"),
    },
)


def representations(
    network: NetworkLike | nn.Module,
    images: ImagesLike,
    degradations: Degradations,
    *,
    layers: str | Sequence[str] | None = None,
    features: str = "whole",
    components: int = 50,
    plane: str = "tsne",
    perplexity: float | None = None,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    batch: int | None = None,
    memory: str | int | None = None,
    device: Device = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Ask what the features of a network know: how a picture is degraded, or what it shows.

    Features of every picture in every condition, flattened to a vector, are projected on their principal components
    and laid out in a plane. In many super-resolution networks they gather by degradation (Liu et al., 2021, arXiv
    2108.00406); `lam_nb.statistics.separability` says how much.

    Components are exact for up to 4096 samples: they come from the samples' Gram matrix, in one reading of the
    features. Features that do not fit `memory` lie in a Zarr store meanwhile. Neither batch nor memory nor the order
    of pictures changes what comes out, beyond what a network itself rounds otherwise in another batch.

    Parameters
    ----------
    network : Network, str or torch.nn.Module
        What `lam_nb.networks.load` takes, too. A bare module, such as a classifier, gets pictures in [0, 1].
    images : mapping of str to image, sequence of images, or folder
        High-resolution truths, at least two. The network's input is degradation(downscale(image, scale)), its middle.
    degradations : mapping of str to function, folder, or list of (level, function)
        Functions of a batch (n, channel, y, x), as in `lam_nb.images`; those with an attribute ``reduces`` take
        truths and the scale, as `lam_nb.images.Reduction`. A folder holds inputs that are degraded already, by the
        names of the pictures. "clean" is always among them. Whatever draws random numbers draws others for each
        picture; a degradation with a ``seed`` gets others.
    layers : str or sequence of str, optional
        Names as in the network, or patterns such as "body.*"; "name:in" is what goes into a layer, "output" what the
        network answers. By default six through the depth. Of a layer called several times the last call counts.
    features : {"whole", "pooled"}
        All numbers of a layer, or their means over rows and columns (over tokens, of rows of tokens).
    components : int, default 50
        At most the number of samples; those beyond a layer's own rank are 0.
    plane : {"tsne", "umap"}
        The latter needs umap-learn (tried with 0.5.12).
    perplexity : float, optional
        Neighbours that count in the plane; 30, or a third of few samples. UMAP takes the nearest whole number from 2.
    size : int or (rows, columns), optional
        Of the network's input in pixels; as large as the smallest picture allows by default.
    seed : int
        Of degradations that draw, and of the plane.
    batch : int, optional
        Pictures at once; as many as memory allows by default, at most 8 on the CPU and 32 on a GPU.
    memory : str or int, optional
        Such as "2GB": what features and evaluations may take, beside the network and the pictures given. By default
        half of what is free.
    device : str or torch.device, optional
        Where the network runs.
    store : path-like, optional
        A .zarr for the features: run again, also after it was killed, the question goes on where it was.
    progress : bool or callable
        As for `lam_nb.attribute`, in samples and layers.

    Returns
    -------
    xarray.Dataset
        ``projection`` (layer, sample, component) in the features' units, ``explained_variance`` (layer, component) as
        a share, ``plane`` (layer, sample, axis); coordinates ``content``, ``degradation``, ``level`` and
        ``thumbnail`` of samples, ``depth`` (share of the layers with weights that have answered) and number of
        ``features`` of layers.

    Raises
    ------
    InputError
        If an argument does not fit, scikit-learn (extra ``represent``) is missing, features hold NaN or change
        their size, or the store is of another question.

    Examples
    --------
    >>> import lam_nb as lam
    >>> degradations = {"blur": [(1, lam.images.Blur(1)), (3, lam.images.Blur(3))], "noise": lam.images.Noise(0.1)}
    >>> given = {"layers": ["first_part.0", "mid_part.*"], "size": 24, "components": 4, "progress": False}
    >>> ds = representations("fsrcnn", ["bricks", "facade"], degradations, **given)
    >>> ds.projection.sizes["sample"], ds.layer.values[0], float(ds.depth[0]) < float(ds.depth[-1])
    (8, 'first_part.0', True)
    """
    started = time.perf_counter()
    pooled = choose("features", features, KINDS) == "pooled"
    count, seed = whole("components", components), whole("seed", seed, 0, 2**32 - 1)
    run = Leased(engine.askable(network), running.device(device))
    asked = samples(run.network, images, degradations, size, seed)
    total = len(asked.inputs)
    if count > total:
        raise InputError(
            f"components: got {count} for {total} samples ({len(set(asked.contents))} pictures in "
            f"{len(asked.conditions)} conditions), which have at most {total}; "
            f"give components={total - 1} or less, or more pictures."
        )
    layout = Layout.of(plane, perplexity, total, seed)
    with bar(progress, total, run.name, "sample") as shown:
        taken = engine.chosen(run, engine.survey(run, asked.inputs[0]), layers)
        shown.total = total + len(taken)
        gathering = Gathering(run, taken, pooled, batch, memory, store)
        with gathering.of(asked.inputs, asked.digest, shown) as (shelf, left):
            found = [_layer(shelf.matrix(one.name), count, left, layout, shown) for one in taken]
            place = shelf.place
    values: dict[str, ArrayLike | None] = {
        result.PROJECTION: np.array([one.projection[asked.order] for one, _ in found]),
        result.EXPLAINED_VARIANCE: np.array([one.shares for one, _ in found]),
        result.PLANE: np.array([one[asked.order] for _, one in found]),
    }
    facts = identity.facts(run.network) | asked.facts | layout.facts
    facts |= {"feature_kind": features, "features_in": place, "component_count": count}
    facts |= {"components_found": found[0][0].how, "device": running.device_name(run.device)}
    facts |= {"precision": str(run.dtype).removeprefix("torch."), "seconds": round(time.perf_counter() - started, 3)}
    return TABLE.build(values, _places(asked, gathering, count), facts=facts)


def _layer(
    matrix: Matrix, count: int, allowed: int, layout: Layout, shown: Bar
) -> tuple[Components, NDArray[np.float64]]:
    """Return components of a layer and its samples' places in the plane."""
    found = principal_components(matrix, count, allowed, layout.seed)
    laid_out = layout(found.projection)
    shown.update(1)
    return found, laid_out


def _places(asked: Samples, gathering: Gathering, count: int) -> dict[str, ArrayLike]:
    """Return the coordinates of a result, samples in the order in which they were given."""
    given = {
        result.SAMPLE: np.array(asked.names, dtype=object),
        result.CONTENT: np.array(asked.contents, dtype=object),
        result.DEGRADATION: np.array(asked.degradations, dtype=object),
        result.LEVEL: np.array(asked.levels, float),
        result.THUMBNAIL: np.stack([_small(one) for one in asked.inputs]),
    }
    return {
        result.LAYER: [one.name for one in gathering.layers],
        result.DEPTH: [one.depth for one in gathering.layers],
        result.FEATURES: [*gathering.counts.values()],
        result.COMPONENT: np.arange(1, count + 1),
        result.AXIS: [1, 2],
        result.CHANNEL: gathering.run.network.axes.channels,
        **{name: values[asked.order] for name, values in given.items()},
    }


def _small(picture: Image) -> NDArray[np.uint8]:
    """Return a picture of at most 48 pixels a side, by means over blocks."""
    side = -(-max(picture.shape[-2:]) // _THUMBNAIL)
    small = functional.avg_pool2d(picture[None], min(side, *picture.shape[-2:]), ceil_mode=True)[0]
    return np.asarray((small.clamp(0, 1) * 255).round().to(torch.uint8))

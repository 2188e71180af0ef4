"""Citations: BibTeX of what a result used; its entries lie in ``data/references.bib``."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

import xarray as xr

from .result import check, names
from .validation import InputError

_DATA = resources.files("lam_nb") / "data"
_OURS, _LAM = "lam_nb", "gu2021interpreting"
_METHODS: Mapping[str, str] = {
    "gradient": "simonyan2014deep",
    "input x gradient": "shrikumar2016not",
    "integrated gradients": "sundararajan2017axiomatic",
    "smoothgrad": "smilkov2017smoothgrad",
}
"""Attribute or label `method` -> entry."""
_PATHS: Mapping[str, str] = {"blur": "xu2020attribution", "linear": "sundararajan2017axiomatic"}
_PLANES: Mapping[str, str] = {"t-SNE": "vandermaaten2008visualizing", "UMAP": "mcinnes2018umap"}
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    names.DIFFUSION_INDEX: (_LAM,),
    names.EFFECTIVE_FIELD: ("luo2016understanding",),
    names.OUTPUT_SHARE: ("petsiuk2018rise",),
    names.RANK_CORRELATION: ("adebayo2018sanity",),
    names.EFFECT: ("hu2025interpreting",),
    names.PROJECTION: ("liu2021discovering",),
    names.SEPARABILITY: ("liu2021discovering", "calinski1974dendrite"),
    names.GENERALISATION: ("liu2023evaluating",),
    names.SCORE: ("xie2021finding",),
    names.FUNCTION_LOST: ("xie2021finding",),
    names.FUNCTION_GAP: ("xie2021finding",),
    names.SSIM: ("wang2004image",),
}
"""Variable that only one method makes -> entries."""
_ARCHITECTURES: Mapping[str, str] = {
    "carn-m": "ahn2018fast",
    "dncnn": "zhang2017beyond",
    "esrgan": "wang2018esrgan",
    "fsrcnn": "dong2016accelerating",
    "imdn": "hui2019lightweight",
    "rfdn": "liu2020residual",
    "srresnet": "ledig2017photo",
    "swinir": "liang2021swinir",
}
_OWN = ("residual",)
"""Architectures that come from here."""


def cite(dataset: xr.Dataset) -> str:
    """Return BibTeX of what a result used, and of nothing else: methods, path, detector, networks, and this package.

    Parameters
    ----------
    dataset : xarray.Dataset
        Any result, also a stack of several.

    Returns
    -------
    str
        Entries in a fixed order; a comment names each network of which no paper is known here.

    Raises
    ------
    InputError
        If the dataset does not tell how it was made.

    Examples
    --------
    >>> import lam_nb as lam
    >>> lr = lam.images.downscale(lam.images.sample("facade"), 4)
    >>> ds = lam.attribute("fsrcnn", lr, lam.Region(160, 184), steps=4, progress=False)
    >>> [line for line in lam.cite(ds).splitlines() if line.startswith("@")]
    ['@software{lam_nb,', '@inproceedings{gu2021interpreting,', '@inproceedings{xu2020attribution,',
     '@inproceedings{dong2016accelerating,']
    """
    versions = _told(check(dataset), "versions")
    if not versions:
        words = (
            "dataset: does not tell how it was made (no attribute 'versions'); arithmetic drops attributes, so cite "
        )
        raise InputError(f"{words}the result itself, or keep them with xr.set_options(keep_attrs=True).")
    known, unknown = _networks(dataset)
    wanted = {_OURS, *_methods(dataset), *known}
    found = [text for key, text in entries().items() if key in wanted]
    version = re.search(r"lam-nb ([\w.]+)", versions[-1])
    found[0] = found[0].replace("VERSION", version[1] if version else "unknown")
    comments = [f"% network {name}: no paper is known here; cite its authors." for name in unknown]
    if names.ATTRIBUTION in dataset and not _told(dataset, names.PATH) and not _told(dataset, names.METHOD):
        comments.append("% path: this table does not tell it; the default is LAM's own, cite any other.")
    return "\n\n".join([*found, *comments]) + "\n"


@cache
def entries() -> Mapping[str, str]:
    """Return all that can be cited: key -> BibTeX.

    Examples
    --------
    >>> entries()["gu2021interpreting"].splitlines()[0]
    '@inproceedings{gu2021interpreting,'
    """
    blocks = (_DATA / "references.bib").read_text(encoding="utf-8").strip().split("\n\n")
    return {block.partition("{")[2].partition(",")[0]: block for block in blocks}


def _told(dataset: xr.Dataset, name: str) -> list[str]:
    """Return what an attribute says; of a stack, what each says."""
    if name in dataset.attrs:
        return [str(dataset.attrs[name])]
    if name in dataset.coords:
        return list(dict.fromkeys(str(one) for one in dataset.coords[name].values.ravel()))
    return []


def _methods(dataset: xr.Dataset) -> Iterator[str]:
    attributed = names.ATTRIBUTION in dataset or bool(_told(dataset, names.PATH))
    if attributed or names.OUTPUT_SHARE in dataset or names.RANK_CORRELATION in dataset:
        yield _LAM  # the detector of one window, whatever is done with it
    for method in _told(dataset, names.METHOD):
        yield from (key for name, key in _METHODS.items() if name == method)
    for path in (*_told(dataset, names.PATH), *_told(dataset, "baseline")):
        yield from (key for name, key in _PATHS.items() if path.startswith(f"{name}("))
    for name, keys in _VARIABLES.items():
        if name in dataset:
            yield from keys
    if names.SSIM in _told(dataset, "metric"):
        yield "wang2004image"
    for plane in _told(dataset, "plane_by"):
        yield from (key for name, key in _PLANES.items() if plane.startswith(name))


def _networks(dataset: xr.Dataset) -> tuple[set[str], list[str]]:
    """Return entries of the networks' papers, and networks without one."""
    told = list(dict.fromkeys(name for key in ("network", names.MODEL, "baseline") for name in _told(dataset, key)))
    hashes = {*_told(dataset, "weights_sha256"), *_told(dataset, "baseline_weights_sha256")}
    keys: set[str] = set()
    unknown = []
    for name in told:
        if any(name.startswith(f"{path}(") for path in _PATHS):  # a baseline of curves is a path
            continue
        architecture = _architecture(name, hashes)
        if architecture in _ARCHITECTURES:
            keys.add(_ARCHITECTURES[architecture])
        elif architecture not in _OWN:
            unknown.append(name)
    return keys, unknown


def _architecture(name: str, hashes: set[str]) -> str:
    """Return the architecture of a network: shipped ones by their weights, published ones by their names."""
    card = _DATA / "weights" / f"{name}.json"
    if card.is_file():
        facts = json.loads(card.read_text(encoding="utf-8"))
        if not hashes or facts["weights_sha256"] in hashes:
            return str(facts["architecture"])
    if name in _ARCHITECTURES:
        return name
    with (_DATA / "published.csv").open(encoding="utf-8") as table:
        rows = {row["name"].lower(): row["architecture"] for row in csv.DictReader(table)}
    return rows.get(name.lower(), "")

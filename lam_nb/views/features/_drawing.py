"""What the views of features share: several networks by name."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from ...result import MODEL, check, numbered
from ...validation import InputError
from .. import kit


def by_name(results: object, maker: str, *names: str) -> dict[str, xr.Dataset]:
    """Return results by network: of one result, a stack of networks, a list, or a mapping whose names are kept.

    Raises
    ------
    InputError
        If there is none, or one of them is something else.

    Examples
    --------
    >>> [*by_name([xr.Dataset(attrs={"network": "rfdn"})] * 2, "lam_nb.representations")]
    ['rfdn (1)', 'rfdn (2)']
    """
    if isinstance(results, Mapping) and not isinstance(results, xr.Dataset):
        found = dict(zip(map(str, results), kit.listed("results", [*results.values()], maker), strict=True))
    else:
        given = _apart(results) if isinstance(results, xr.Dataset) else kit.listed("results", results, maker)  # type: ignore[arg-type] # checked there
        called = [str(one.attrs.get("network", one.coords.get(MODEL, "network"))) for one in given]
        found = dict(zip(numbered(called).tolist(), given, strict=True))
    for one in found.values():
        check(one, *names)
    return found


def _apart(dataset: xr.Dataset) -> list[xr.Dataset]:
    """Return the networks of a stack, each called by its name there."""
    if MODEL not in dataset.dims:
        return [dataset]
    each = [dataset.isel({MODEL: k}) for k in range(dataset.sizes[MODEL])]
    return [one.assign_attrs(network=str(one[MODEL].item())) if MODEL in one.coords else one for one in each]


def agreed(results: Mapping[str, xr.Dataset], *names: str) -> dict[str, object]:
    """Return attributes that all results must share to be compared.

    Raises
    ------
    InputError
        If they differ in one.

    Examples
    --------
    >>> agreed({"rfdn": xr.Dataset(attrs={"by": "content"})}, "by")
    {'by': 'content'}
    """
    first, *others = results.items()
    for name in names:
        for called, one in others:
            if one.attrs.get(name) != first[1].attrs.get(name):
                raise InputError(
                    f"results: {first[0]} has {name} {first[1].attrs.get(name)!r} and {called} "
                    f"{one.attrs.get(name)!r}, expected the same; only then they can be compared."
                )
    return {name: first[1].attrs[name] for name in names if name in first[1].attrs}

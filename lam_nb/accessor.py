"""``ds.lam``: the statistics as methods of a result."""

from __future__ import annotations

import xarray as xr

from . import statistics


@xr.register_dataset_accessor("lam")
class LamAccessor:
    """Statistics of a result of `lam_nb.attribute`; each is the function of that name in `lam_nb.statistics`.

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> round(float(example().lam.diffusion_index()), 4)
    16.6667
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    def signed(self) -> xr.DataArray:
        """Return `lam_nb.statistics.signed`: the map summed over channels."""
        return statistics.signed(self._dataset)

    def magnitude(self) -> xr.DataArray:
        """Return `lam_nb.statistics.magnitude`: how much each pixel was used."""
        return statistics.magnitude(self._dataset)

    def contributions(self) -> xr.DataArray:
        """Return `lam_nb.statistics.contributions`: what each step adds."""
        return statistics.contributions(self._dataset)

    def cumulative(self) -> xr.DataArray:
        """Return `lam_nb.statistics.cumulative`: the map as it gathers along the path."""
        return statistics.cumulative(self._dataset)

    def cumulative_share(self) -> xr.DataArray:
        """Return `lam_nb.statistics.cumulative_share`: the gathered share of the detector's change."""
        return statistics.cumulative_share(self._dataset)

    def sensitivity(self) -> xr.DataArray:
        """Return `lam_nb.statistics.sensitivity`: the gradient along the path."""
        return statistics.sensitivity(self._dataset)

    def response(self) -> xr.DataArray:
        """Return `lam_nb.statistics.response`: the detector along the path."""
        return statistics.response(self._dataset)

    def gini(self) -> xr.DataArray:
        """Return `lam_nb.statistics.gini`: how unequally pixels are used."""
        return statistics.gini(self._dataset)

    def diffusion_index(self, canvas: tuple[int, int] | None = None) -> xr.DataArray:
        """Return `lam_nb.statistics.diffusion_index`: how widely the network looked."""
        return statistics.diffusion_index(self._dataset, canvas)

    def pixels_for_share(self, share: float = 0.95) -> xr.DataArray:
        """Return `lam_nb.statistics.pixels_for_share`: how few pixels hold that share of the map."""
        return statistics.pixels_for_share(self._dataset, share)

    def spread(self) -> xr.DataArray:
        """Return `lam_nb.statistics.spread`: the map's weighted radius in pixels."""
        return statistics.spread(self._dataset)

    def informative_area(self) -> xr.DataArray:
        """Return `lam_nb.statistics.informative_area`: what all networks use, what only wide ones do."""
        return statistics.informative_area(self._dataset)

    def contribution_area(self) -> xr.DataArray:
        """Return `lam_nb.statistics.contribution_area`: where contributions gather, as a density."""
        return statistics.contribution_area(self._dataset)

    def completeness(self) -> xr.DataArray:
        """Return `lam_nb.statistics.completeness`: the relative completeness gap."""
        return statistics.completeness(self._dataset)

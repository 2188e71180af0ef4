"""``ds.lam``: the statistics, and the views, as methods of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import xarray as xr

from . import citations, statistics
from .result import MODEL

if TYPE_CHECKING:
    from .views import Table, View


class LamAccessor:
    """Statistics and views of a result; each is the function of that name in `lam_nb.statistics` or `lam_nb.views`.

    Where both have one of that name, `sensitivity`, it is the statistic. Views import plotly when they are first used.

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> round(float(example().lam.diffusion_index()), 4)
    16.6667
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    def __dir__(self) -> list[str]:
        """Offer what is public."""
        return [name for name in vars(type(self)) if not name.startswith("_")]

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

    def gathered(self) -> xr.DataArray:
        """Return `lam_nb.statistics.gathered`: the sum of the map as it gathers."""
        return statistics.gathered(self._dataset)

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

    def share(self) -> xr.DataArray:
        """Return `lam_nb.statistics.share`: the map as a share of its own sum of magnitudes."""
        return statistics.share(self._dataset)

    def speed(self) -> xr.DataArray:
        """Return `lam_nb.statistics.speed`: how fast the image changes along the path."""
        return statistics.speed(self._dataset)

    def index_error(self) -> xr.DataArray:
        """Return `lam_nb.statistics.index_error`: the estimated error of the diffusion index."""
        return statistics.index_error(self._dataset)

    def separability(self, by: str = "degradation") -> xr.Dataset:
        """Return `lam_nb.statistics.separability`: how clearly features gather by degradation or by content."""
        return statistics.separability(self._dataset, by)

    def cite(self) -> str:
        """Return `lam_nb.cite`: BibTeX of what this result used."""
        return citations.cite(self._dataset)

    def attribution(self, **settings: object) -> View:
        """Draw `lam_nb.views.attribution`: the map beside the pictures it explains."""
        return self._drawn("attribution", **settings)

    def progression(self, **settings: object) -> View:
        """Draw `lam_nb.views.progression`: the integration, step by step."""
        return self._drawn("progression", **settings)

    def path_panel(self, **settings: object) -> View:
        """Draw `lam_nb.views.path_panel`: what happens along the path."""
        return self._drawn("path_panel", **settings)

    def convergence(self, **settings: object) -> View:
        """Draw `lam_nb.views.convergence`: how the estimates settled."""
        return self._drawn("convergence", **settings)

    def comparison(self, **settings: object) -> View:
        """Draw `lam_nb.views.comparison`: networks side by side."""
        return self._drawn("comparison", **settings)

    def informative(self, **settings: object) -> View:
        """Draw `lam_nb.views.informative`: what all networks use, what only wide ones do."""
        return self._drawn("informative", **settings)

    def diffusion_field(self, **settings: object) -> View:
        """Draw `lam_nb.views.diffusion_field`: where a network looks widely."""
        return self._drawn("diffusion_field", **settings)

    def receptive_field(self, **settings: object) -> View:
        """Draw `lam_nb.views.receptive_field`: how far a network can look."""
        return self._drawn("receptive_field", **settings)

    def causal(self, **settings: object) -> View:
        """Draw `lam_nb.views.causal`: which blocks help, which harm."""
        return self._drawn("causal", **settings)

    def faithfulness(self, **settings: object) -> View:
        """Draw `lam_nb.views.faithfulness`: deletion and insertion curves."""
        return self._drawn("faithfulness", **settings)

    def randomised(self, **settings: object) -> View:
        """Draw `lam_nb.views.randomised`: what is left of the map while layers are shuffled."""
        return self._drawn("randomised", **settings)

    def di_scatter(self, **settings: object) -> View:
        """Draw `lam_nb.views.di_scatter`: networks as points, of a study."""
        return self._drawn("di_scatter", **settings)

    def scaling(self, **settings: object) -> View:
        """Draw `lam_nb.views.scaling`: what width and depth do, of a study."""
        return self._drawn("scaling", **settings)

    def content(self, **settings: object) -> View:
        """Draw `lam_nb.views.content`: images by how widely networks look, of a study."""
        return self._drawn("content", **settings)

    def table(self, **columns: Sequence[object]) -> Table:
        """Return `lam_nb.views.table`: a row of numbers and small pictures, or one for each network."""
        from .views import table

        models = self._dataset.sizes.get(MODEL)
        rows = [self._dataset] if models is None else [self._dataset.isel({MODEL: k}) for k in range(models)]
        return table(rows, **columns)

    def _drawn(self, view: str, **settings: object) -> View:
        from . import views

        return getattr(views, view)(self._dataset, **settings)

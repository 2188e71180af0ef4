"""The shape of a result: the names of its dimensions and variables, their units, provenance, checks, files."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .files import replacing
from .types import InputError, choose
from .version import __version__

ALPHA, CHANNEL, Y, X, OUT_Y, OUT_X = "alpha", "channel", "y", "x", "out_y", "out_x"
INPUT, OUTPUT, PATH, GRADIENT, INTEGRAND = "input", "output", "path", "gradient", "integrand"
DETECTOR, OUTPUT_PATH, ATTRIBUTION = "detector", "output_path", "attribution"
DETECTOR_START, DETECTOR_END = "detector_start", "detector_end"
COMPLETENESS_GAP, QUADRATURE_ERROR = "completeness_gap", "quadrature_error"
WINDOW_Y, WINDOW_X, DIFFUSION_INDEX = "window_y", "window_x", "diffusion_index"
DIFFUSION_INDEX_ERROR, STEP_ERROR = "diffusion_index_error", "step_error"
REFINEMENT, REGION = "refinement", "region"
PRECISION_ERROR = "precision_error"
AXIS, QUANTITY = "axis", "quantity"
NODE_COUNT, ERROR_HISTORY, INDEX_HISTORY = "node_count", "error_history", "index_history"
WEIGHT, SIGMA = "weight", "sigma"
IMAGE, MODEL = "image", "model"
METHOD, MODE, FRACTION, STAGE, CHOICE = "method", "mode", "fraction", "stage", "choice"
BLOCK_Y, BLOCK_X, DRAW = "block_y", "block_x", "draw"
INFLUENCE, EFFECTIVE_FIELD = "influence", "effective_receptive_field"
ABOVE, BELOW, LEFT, RIGHT = "above", "below", "left", "right"
FIELD_HEIGHT, FIELD_WIDTH, FIELD_Y, FIELD_X = "field_height", "field_width", "field_y", "field_x"
PSNR, DONE = "psnr", "done"
PSNR_RGB, PSNR_LUMA, SSIM_RGB, SSIM_LUMA = "psnr_rgb", "psnr_luma", "ssim_rgb", "ssim_luma"

_NOTED = ("torch", "xarray", "numpy")  # the distributions whose version a result tells

_PICTURE, _OUTPUT = (CHANNEL, Y, X), (CHANNEL, OUT_Y, OUT_X)
_VARIABLES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    INPUT: (_PICTURE, "network input", "intensity"),
    OUTPUT: (_OUTPUT, "network output", "intensity"),
    PATH: ((ALPHA, *_PICTURE), "image along the path", "intensity"),
    GRADIENT: ((ALPHA, *_PICTURE), "derivative of the detector by the image", "detector/intensity"),
    INTEGRAND: ((ALPHA, *_PICTURE), "derivative times path velocity", "detector"),
    DETECTOR: ((ALPHA,), "detector along the path", "detector"),
    OUTPUT_PATH: ((ALPHA, *_OUTPUT), "network output along the path", "intensity/255"),
    ATTRIBUTION: (_PICTURE, "local attribution", "detector"),
    DETECTOR_START: ((), "detector at the baseline", "detector"),
    DETECTOR_END: ((), "detector at the image", "detector"),
    COMPLETENESS_GAP: ((), "relative completeness gap", "1"),
    QUADRATURE_ERROR: ((), "estimated relative L1 error of the map", "1"),
    DIFFUSION_INDEX_ERROR: ((), "estimated integration error of the diffusion index", "1"),
    PRECISION_ERROR: ((), "estimated relative L1 error of the map by low precision", "1"),
    STEP_ERROR: ((ALPHA,), "part of the estimated error that a step makes", "1"),
    NODE_COUNT: ((REFINEMENT,), "gradient evaluations so far", "1"),
    ERROR_HISTORY: ((REFINEMENT,), "estimated relative L1 error of the map so far", "1"),
    INDEX_HISTORY: ((REFINEMENT,), "diffusion index so far", "1"),
}
_COORDINATES: Mapping[str, tuple[str, str]] = {
    ALPHA: ("position on the path", "1"),
    WEIGHT: ("quadrature weight", "1"),
    SIGMA: ("blur", "input pixels"),
    Y: ("row", "input pixels"),
    X: ("column", "input pixels"),
    OUT_Y: ("row", "output pixels"),
    OUT_X: ("column", "output pixels"),
}
_QUALITY: Mapping[str, tuple[str, str]] = {
    PSNR_RGB: ("peak signal-to-noise ratio, RGB", "dB"),
    PSNR_LUMA: ("peak signal-to-noise ratio, luma", "dB"),
    SSIM_RGB: ("structural similarity, RGB", "1"),
    SSIM_LUMA: ("structural similarity, luma", "1"),
}
_CURVES: Mapping[str, tuple[str, str]] = {
    "output_share": ("output between baseline and image, by squared error", "1"),
    "detector_share": ("detector between baseline and image", "1"),
    "output_share_error": ("standard error over random orders", "1"),
    "psnr": ("peak signal-to-noise ratio of the region", "dB"),
    "output_area": ("area under the output's curve", "1"),
    "detector_area": ("area under the detector's curve", "1"),
}
_CAUSAL: Mapping[str, tuple[str, str]] = {
    "effect": ("causal effect, positive helps", "dB"),
    "standard_error": ("standard error of the effect", "dB"),
    "draws": ("interventions that count", "1"),
    "stage": ("how the effect was decided", "1"),
    "every_draw": ("effect of each intervention, coarse ones first", "dB"),
    "positive": ("blocks that help", "1"),
    "negative": ("blocks that harm", "1"),
    "zero": ("blocks without effect", "1"),
    "own": ("blocks of the region itself, left out", "1"),
}
_FIELD: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    INFLUENCE: ((Y, X), "positive gradient of the centre output pixel", "1"),
    EFFECTIVE_FIELD: ((Y, X), "effective receptive field, log10(1 + influence) / maximum", "1"),
    ABOVE: ((), "rows it can see above its own", "input pixels"),
    BELOW: ((), "rows it can see below its own", "input pixels"),
    LEFT: ((), "columns it can see left of its own", "input pixels"),
    RIGHT: ((), "columns it can see right of its own", "input pixels"),
    FIELD_HEIGHT: ((), "height of the receptive field", "input pixels"),
    FIELD_WIDTH: ((), "width of the receptive field", "input pixels"),
}
OPTIONAL = (INPUT, OUTPUT, PATH, GRADIENT, INTEGRAND, DETECTOR, OUTPUT_PATH)
"""What `keep` chooses from; the map and the scalars are always there."""
_SHARED = (INPUT, OUTPUT, PATH)
DEFAULT = tuple(name for name in OPTIONAL if name != OUTPUT_PATH)
"""What is kept unless said otherwise."""


def chosen(keep: str | Iterable[str]) -> tuple[str, ...]:
    """Return the optional variables that `keep` names; "all" and "map" (none of them) are short for many.

    Raises
    ------
    InputError
        If a name is not one of the optional variables.

    Examples
    --------
    >>> chosen(["path", "detector"])
    ('path', 'detector')
    """
    if isinstance(keep, str):
        short = {"all": OPTIONAL, "map": ()}
        return short[keep] if keep in short else (choose("keep", keep, (*OPTIONAL, *short)),)
    if not isinstance(keep, Iterable):
        raise InputError(f'keep: got {keep!r}, expected "all", "map" or names among {", ".join(OPTIONAL)}.')
    return tuple(choose("keep", name, OPTIONAL) for name in keep)


def assemble(
    values: Mapping[str, Any], coordinates: Mapping[str, Any], provenance: Mapping[str, str | int | float]
) -> xr.Dataset:
    """Build a result from arrays by variable name; dimensions, names and units are filled in here.

    Parameters
    ----------
    values : mapping
        Variable -> array, in the order of dimensions of the table above.
    coordinates : mapping
        Coordinate along alpha -> row.
    provenance : mapping
        Attributes of the result.

    Returns
    -------
    xarray.Dataset
    """
    data = {name: _variable(name, values[name]) for name in _VARIABLES if name in values}
    result = xr.Dataset(data, attrs={**provenance, **_stamp()})
    along = {name: (ALPHA, np.asarray(row, float)) for name, row in coordinates.items()}
    pixels = {name: np.arange(result.sizes[name]) for name in (Y, X, OUT_Y, OUT_X) if name in result.sizes}
    letters = np.array(["r", "g", "b"], dtype=object)
    result = result.assign_coords({**along, **pixels, CHANNEL: letters})
    for name, (label, units) in _COORDINATES.items():
        if name in result.coords:
            result[name].attrs.update(long_name=label, units=units)
    result[CHANNEL].attrs.update(long_name="colour channel", units="1")
    return result


def stacked(results: Sequence[xr.Dataset], dimension: str) -> xr.Dataset:
    """Return results as one, along a new first dimension.

    Pictures that are the same in all stay single. Attributes that differ become coordinates, so that
    a result selected from the stack still tells them. What belongs to nodes is dropped where the nodes
    differ; shorter histories are continued with their last value.

    Parameters
    ----------
    results : sequence of xarray.Dataset
    dimension : str

    Returns
    -------
    xarray.Dataset

    Examples
    --------
    >>> both = stacked([xr.Dataset({"a": k}, attrs={"seed": k, "task": "x"}) for k in (1, 2)], "run")
    >>> both.a.values, both.seed.values, both.attrs
    (array([1, 2]), array([1, 2]), {'task': 'x'})
    """
    first, *others = results
    if not all(ALPHA in one and first[ALPHA].equals(one[ALPHA]) for one in results):
        results = [one.drop_dims(ALPHA, errors="ignore") for one in results]
    rounds = max(one.sizes.get(REFINEMENT, 0) for one in results)
    results = [_continued(one, rounds) for one in results]
    same = {k: v for k, v in first.attrs.items() if all(k in o.attrs and o.attrs[k] == v for o in others)}
    told = sorted({k for one in results for k in one.attrs} - set(same))
    columns = {key: (dimension, _column([one.attrs.get(key) for one in results])) for key in told}
    alike = [n for n in results[0].data_vars if n in _SHARED and all(results[0][n].identical(o[n]) for o in results)]
    parts = [one.drop_vars(alike).drop_attrs(deep=False) for one in results]
    whole = xr.concat(parts, dimension, combine_attrs="override").assign(results[0][alike].data_vars)
    return whole.assign_coords(columns).assign_attrs(same)


def _continued(dataset: xr.Dataset, rounds: int) -> xr.Dataset:
    missing = rounds - dataset.sizes.get(REFINEMENT, 0)
    if not missing or REFINEMENT not in dataset.sizes:
        return dataset
    return dataset.pad({REFINEMENT: (0, missing)}, mode="edge")


def _column(values: Sequence[Any]) -> np.ndarray:
    """Return attributes of a stack as one array that files can hold; missing ones are NaN or empty."""
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None else str(value) for value in values], dtype=object)
    return np.array([np.nan if value is None else value for value in values])


def numbered(names: Sequence[str]) -> np.ndarray:
    """Return names as a coordinate, numbered where they occur twice.

    Examples
    --------
    >>> numbered(["edsr", "san", "edsr"]).tolist()
    ['edsr (1)', 'san', 'edsr (2)']
    """
    told = [f"{name} ({names[:k].count(name) + 1})" if names.count(name) > 1 else name for k, name in enumerate(names)]
    return np.array(told, dtype=object)


def with_psnr(dataset: xr.Dataset, rows: Sequence[float]) -> xr.Dataset:
    """Return a stack of models with their peak signal-to-noise ratios."""
    told = {"long_name": "peak signal-to-noise ratio of the output, RGB", "units": "dB"}
    return dataset.assign({PSNR: (MODEL, np.asarray(rows, float), told)})


def with_fields(dataset: xr.Dataset, fields: Sequence[xr.Dataset]) -> xr.Dataset:
    """Add the effective receptive field of every model, (model, field_y, field_x), and how far each can see."""
    names = {Y: FIELD_Y, X: FIELD_X}
    rows = [one[[EFFECTIVE_FIELD, FIELD_HEIGHT, FIELD_WIDTH]].rename(names) for one in fields]
    return dataset.merge(xr.concat(rows, MODEL).assign_coords({MODEL: dataset[MODEL]}))


def facts(dataset: xr.Dataset) -> dict[str, Any]:
    """Return a result's attributes, with those that became coordinates in a stack.

    Raises
    ------
    InputError
        If it is a whole stack.

    Examples
    --------
    >>> both = stacked([xr.Dataset({"a": k}, attrs={"seed": k}) for k in (1, 2)], "run")
    >>> facts(both.isel(run=1))["seed"]
    2
    """
    stack = [str(name) for name in dataset.dims if name in (REGION, MODEL, IMAGE)]
    if stack:
        raise InputError(f"dataset: has a dimension {stack[0]!r}; choose one, such as ds.isel({stack[0]}=0).")
    return dataset.attrs | {str(name): one.item() for name, one in dataset.coords.items() if not one.ndim}


def field(values: Mapping[str, Any], provenance: Mapping[str, str | int | float]) -> xr.Dataset:
    """Build a receptive field; rows and columns are counted from the pixel it belongs to, inf is unbounded."""
    table = xr.Dataset(
        {
            name: (sizes, values[name], {"long_name": label, "units": units})
            for name, (sizes, label, units) in _FIELD.items()
        },
        attrs={**provenance, **_stamp()},
    )
    offsets = {name: np.arange(table.sizes[name]) - table.sizes[name] // 2 for name in (Y, X)}
    table = table.assign_coords(offsets)
    for name, word in ((Y, "rows"), (X, "columns")):
        table[name].attrs = {"long_name": f"{word} from the output pixel", "units": "input pixels"}
    return table


def window_field(
    numbers: xr.Dataset, pictures: xr.Dataset, rows: Any, columns: Any, provenance: Mapping[str, str | int | float]
) -> xr.Dataset:
    """Build a map of numbers per window from numbers in a row; rows and columns are the windows' centres."""
    grid = {WINDOW_Y: np.asarray(rows, float), WINDOW_X: np.asarray(columns, float)}
    shape = tuple(len(one) for one in grid.values())
    cells = {name: (tuple(grid), one.values.reshape(shape), one.attrs) for name, one in numbers.data_vars.items()}
    table = xr.Dataset(cells, coords=grid, attrs={**provenance, **_stamp()})
    for name, word in ((WINDOW_Y, "row"), (WINDOW_X, "column")):
        table[name].attrs = {"long_name": f"{word} of the window's centre", "units": "output pixels"}
    return table.assign(pictures.data_vars).assign_coords(pictures.coords)


def faithfulness(
    values: Mapping[str, Any],
    methods: Sequence[str],
    modes: Sequence[str],
    fractions: Any,
    provenance: Mapping[str, Any],
) -> xr.Dataset:
    """Build a table of deletion and insertion curves."""
    axes = {
        METHOD: np.array(methods, dtype=object),
        MODE: np.array(modes, dtype=object),
        FRACTION: np.asarray(fractions),
    }
    data = {
        name: (tuple(axes)[: values[name].ndim], values[name], {"long_name": label, "units": units})
        for name, (label, units) in _CURVES.items()
    }
    table = xr.Dataset(data, coords=axes, attrs={**provenance, **_stamp()})
    table[FRACTION].attrs = {"long_name": "part of the pixels replaced", "units": "1"}
    return table


def randomisation(
    table: xr.Dataset, indices: Sequence[float], layers: Any, last: Any, provenance: Mapping[str, Any]
) -> xr.Dataset:
    """Build a table of maps' likeness while layers are shuffled."""
    told = {"long_name": "diffusion index", "units": "1"}
    whole = table.assign({DIFFUSION_INDEX: (STAGE, np.asarray(indices, float), told)})
    whole = whole.assign_coords({"layers": (STAGE, np.asarray(layers)), "last": (STAGE, last)})
    whole["layers"].attrs = {"long_name": "layers shuffled, from the output backwards", "units": "1"}
    return whole.assign_attrs({**provenance, **_stamp()})


def correlation(
    models: Sequence[str],
    found: Mapping[str, tuple[float, float, float]],
    columns: Mapping[str, tuple[Any, Any, Any]],
    provenance: Mapping[str, Any],
) -> xr.Dataset:
    """Build a study of two numbers over models: coefficients and means, each with an interval."""
    units = {DIFFUSION_INDEX: "1", "against": str(provenance["against_units"])}
    labels = {DIFFUSION_INDEX: "diffusion index", "against": str(provenance["against"])}
    data: dict[str, Any] = {}
    for name, values in found.items():
        for suffix, value in zip(("", "_low", "_high"), values, strict=True):
            data[name + suffix] = ((), value, {"long_name": f"{name}{suffix}".replace("_", " "), "units": "1"})
    for name, values in columns.items():
        for suffix, row in zip(("", "_low", "_high"), values, strict=True):
            told = {"long_name": labels[name] + suffix.replace("_", ", "), "units": units[name]}
            data[name + suffix] = (MODEL, np.asarray(row), told)
    return xr.Dataset(data, coords={MODEL: np.array(models, dtype=object)}, attrs={**provenance, **_stamp()})


def scaling(
    models: Sequence[str],
    sizes: Mapping[str, Any],
    columns: Mapping[str, tuple[Any, Any, Any]],
    compared: Mapping[str, Any],
    spearman: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> xr.Dataset:
    """Build a study of a family: numbers over models of some width and depth, each with an interval."""
    labels = {DIFFUSION_INDEX: ("diffusion index", "1"), PSNR: ("peak signal-to-noise ratio", "dB")}
    data: dict[str, Any] = {}
    for k, suffix in enumerate(("", "_low", "_high")):
        for name, values in columns.items():
            label, units = labels[name]
            data[name + suffix] = MODEL, np.asarray(values[k]), {"long_name": label + suffix, "units": units}
        told = {"long_name": "rank correlation with the size" + suffix, "units": "1"}
        data["spearman" + suffix] = (AXIS, QUANTITY), np.array(list(spearman.values()))[..., k], told
    told = {"long_name": "whether the network is on the axis", "units": "1"}
    data["compared"] = (AXIS, MODEL), np.array(list(compared.values())), told
    coords = {
        MODEL: np.array(models, dtype=object),
        AXIS: np.array(list(compared), dtype=object),
        QUANTITY: np.array(list(columns), dtype=object),
        "width": (MODEL, sizes["width"], {"long_name": "width", "units": "channels"}),
        "depth": (MODEL, sizes["depth"], {"long_name": "depth", "units": "blocks"}),
    }
    return xr.Dataset(data, coords=coords, attrs={**provenance, **_stamp()})


def variants(
    choices: Sequence[str],
    models: Sequence[str],
    index: Any,
    cells: Mapping[str, Any],
    ranking: Any,
    provenance: Mapping[str, Any],
) -> xr.Dataset:
    """Build a study of maps under other choices of one setting."""
    axes = {CHOICE: np.array(choices, dtype=object), MODEL: np.array(models, dtype=object)}
    words = {
        "rank_correlation": "rank correlation with the first choice",
        "top_overlap": "overlap with the first choice",
    }
    data = {DIFFUSION_INDEX: ((CHOICE, MODEL), index, {"long_name": "diffusion index", "units": "1"})}
    for name, one in cells.items():
        data[name] = (CHOICE, MODEL), one, {"long_name": f"{words[name]} with the first choice", "units": "1"}
    told = {"long_name": "rank correlation of the networks' order with the first choice's", "units": "1"}
    return xr.Dataset({**data, "ranking": (CHOICE, ranking, told)}, coords=axes, attrs={**provenance, **_stamp()})


def quality(
    values: Mapping[str, Any], coordinates: Mapping[str, Any], provenance: Mapping[str, str | int | float]
) -> xr.Dataset:
    """Build a table of restoration quality: one row per image."""
    rows = {name: np.array(row, dtype=object) for name, row in coordinates.items()}
    table = xr.Dataset({name: (tuple(rows), row) for name, row in values.items()}, coords=rows)
    for name, (label, units) in _QUALITY.items():
        table[name].attrs = {"long_name": label, "units": units}
    return table.assign_attrs({**provenance, **_stamp()})


def sweep_store(
    path: str | os.PathLike[str],
    models: Sequence[str],
    pictures: Sequence[str],
    regions: Sequence[tuple[int, int, int]],
    size: tuple[int, int],
    scalars: Sequence[str],
    provenance: Mapping[str, str | int | float],
) -> None:
    """Make a Zarr store for a sweep, a chunk for every pair of model and image; whole or not at all."""
    import zarr

    axes = {MODEL: len(models), IMAGE: len(pictures), REGION: len(regions), Y: size[0], X: size[1]}
    cell = {MODEL: 1, IMAGE: 1}
    told: dict[str, Any] = {name: row[1:] for name, row in _VARIABLES.items()}
    told[DIFFUSION_INDEX], told[DONE] = ("diffusion index", "1"), ("whether it is there", "1")
    told[PSNR] = "peak signal-to-noise ratio of the output, RGB", "dB"
    told[ATTRIBUTION] = "local attribution, summed over channels", "detector"
    kinds: dict[str, tuple[str, ...]] = {name: (MODEL, IMAGE, REGION) for name in scalars}
    kinds |= {PSNR: (MODEL, IMAGE), DONE: (MODEL, IMAGE), ATTRIBUTION: (MODEL, IMAGE, REGION, Y, X)}
    names: dict[str, Any] = {MODEL: np.array(models, dtype=object), IMAGE: np.array(pictures, dtype=object)}
    columns: dict[str, Any] = {}
    for k, name in enumerate(("region_y", "region_x", "region_size")):
        columns[name] = REGION, [one[k] for one in regions]
    table = xr.Dataset(coords=names | columns, attrs={**provenance, **_stamp()})
    with replacing(path) as temporary:
        table.to_zarr(temporary, zarr_format=3, consolidated=False)
        group: Any = zarr.open_group(str(temporary), mode="r+")
        for name, dims in kinds.items():
            label, units = told[name]
            group.create_array(
                name,
                shape=tuple(axes[one] for one in dims),
                chunks=tuple(cell.get(one, axes[one]) for one in dims),
                dtype="int8" if name == DONE else "float32" if name == ATTRIBUTION else "float64",
                fill_value=0 if name == DONE else float("nan"),
                dimension_names=dims,
                attributes={"long_name": label, "units": units},
            )


def causal(
    values: Mapping[str, Any],
    places: tuple[Any, Any],
    pictures: Mapping[str, Any],
    origin: float,
    provenance: Mapping[str, Any],
) -> xr.Dataset:
    """Build a causal effect map; places are the blocks' centres in input pixels."""
    sizes = {"effect": (BLOCK_Y, BLOCK_X), "every_draw": (BLOCK_Y, BLOCK_X, DRAW)}
    data: dict[str, Any] = {}
    for name, value in values.items():
        label, units = _CAUSAL[name]
        units = provenance["units"] if units == "dB" else units
        dims = sizes.get(name, sizes["effect"] if np.ndim(value) else ())
        data[name] = dims, np.asarray(value), {"long_name": label, "units": units}
    data["quality_origin"] = (), origin, {"long_name": "quality without intervention", "units": provenance["units"]}
    data |= {name: _variable(name, value) for name, value in pictures.items()}
    grid = {BLOCK_Y: np.asarray(places[0], float), BLOCK_X: np.asarray(places[1], float)}
    table = xr.Dataset(data, coords=grid, attrs={**provenance, **_stamp()})
    for name, word in ((BLOCK_Y, "row"), (BLOCK_X, "column")):
        table[name].attrs = {"long_name": f"{word} of the block's centre", "units": "input pixels"}
    flags = {"flag_values": "0, 1, 2, 3", "flag_meanings": "outside_the_field coarse fine own"}
    table["stage"].attrs |= flags
    return table


def checkpoint(path: str | os.PathLike[str], arrays: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    """Write arrays into a Zarr store, whole or not at all."""
    import zarr

    with replacing(path) as temporary:
        group: Any = zarr.open_group(str(temporary), mode="w", zarr_format=3)
        for name, value in arrays.items():
            if isinstance(value, np.ndarray):
                group.create_array(name, data=value)
        group.attrs.update(attributes)


def check(dataset: xr.Dataset, *names: str) -> xr.Dataset:
    """Return `dataset` if it has the variables, else raise an InputError that tells how to get them.

    Examples
    --------
    >>> check(xr.Dataset(), "attribution")
    Traceback (most recent call last):
    lam_nb.types.InputError: dataset: has no 'attribution'; expected a result of lam_nb.attribute.
    """
    if not isinstance(dataset, xr.Dataset):
        raise InputError(f"dataset: got {type(dataset).__name__}, expected an xarray.Dataset from lam_nb.attribute.")
    for name in names:
        if name in dataset:
            continue
        if name in OPTIONAL and ATTRIBUTION in dataset:
            raise InputError(f"dataset: has no {name!r}; make it with attribute(..., keep=[{name!r}, ...]).")
        raise InputError(f"dataset: has no {name!r}; expected a result of lam_nb.attribute.")
    return dataset


def save(dataset: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a result to netCDF (.nc) or Zarr (.zarr), whole or not at all.

    Parameters
    ----------
    dataset : xarray.Dataset
    path : path-like
        Ends in .nc or .zarr; an earlier file of that name is replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the ending is another or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> save(xr.Dataset({"attribution": 1.0}), tempfile.mkdtemp() + "/map.nc").name
    'map.nc'
    """
    path = Path(path)
    check(dataset)
    with replacing(path) as temporary:
        if _format(path) == ".zarr":
            dataset.to_zarr(temporary, zarr_format=3, consolidated=False)
        else:
            packed = {name: {"zlib": True, "complevel": 1} for name, v in dataset.data_vars.items() if v.ndim}
            dataset.to_netcdf(temporary, engine="netcdf4", encoding=packed)
    return path


def open(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a result that `save` wrote, into memory.

    Raises
    ------
    InputError
        If there is no such file or it is no result.

    Examples
    --------
    >>> import tempfile
    >>> path = save(xr.Dataset({"attribution": 1.0}), tempfile.mkdtemp() + "/map.zarr")
    >>> float(open(path).attribution)
    1.0
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"path: there is no {path}; check the path.")
    options: dict[str, Any] = {"engine": "netcdf4"}
    if _format(path) == ".zarr":
        options = {"engine": "zarr", "zarr_format": 3, "consolidated": False}
    try:
        with xr.open_dataset(path, **options) as dataset:
            return dataset.load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"path: {path} is no result that lam_nb can read ({error}).") from None


def _format(path: Path) -> str:
    if path.suffix not in {".nc", ".zarr"}:
        raise InputError(f"path: got {path.name}, expected a name that ends in .nc (netCDF) or .zarr.")
    return path.suffix


def _variable(name: str, value: Any) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
    dimensions, label, units = _VARIABLES[name]
    return dimensions, np.asarray(value), {"long_name": label, "units": units}


def _stamp() -> dict[str, str]:
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": ", ".join([f"lam-nb {__version__}", *(f"{name} {_version(name)}" for name in _NOTED)]),
        "python": platform.python_version(),
    }


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"

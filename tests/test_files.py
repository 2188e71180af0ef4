"""Files: written whole or not at all; a folder that lam_nb did not write is never touched."""

import pytest
import xarray as xr

import lam_nb as lam
from lam_nb import InputError
from lam_nb.result import replacing


@pytest.fixture
def thesis(tmp_path):
    """A folder that holds a year's work."""
    for name in ("thesis", "thesis.html", "thesis.nc", "thesis.zarr"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chapter.tex").write_text("a year's work")
    return tmp_path


def _save(name):
    return lambda folder, ds: lam.save(ds, folder / name)


WRITERS = {
    "page": lambda folder, ds: lam.views.attribution(ds).to_html(folder / "thesis"),
    "page.html": lambda folder, ds: lam.views.attribution(ds).to_html(folder / "thesis.html"),
    "write_html": lambda folder, ds: lam.views.write_html(lam.views.attribution(ds), folder / "thesis.html"),
    "nc": _save("thesis.nc"),
    "zarr": _save("thesis.zarr"),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_folder_is_not_deleted(write, thesis, relu_network, image):
    ds = lam.attribute(relu_network, image, (4, 6, 8), steps=2, progress=False)
    with pytest.raises(InputError, match=r"folder|\.html"):
        write(thesis, ds)
    assert len(list(thesis.glob("*/chapter.tex"))) == 4
    assert not [path for path in thesis.iterdir() if path.name.startswith(".")]


def test_a_widgets_page_deletes_no_folder(thesis, relu_network, image):
    from lam_widgets import Scrubber

    scrubber = Scrubber(lam.attribute(relu_network, image, (4, 6, 8), steps=2, progress=False))
    for name in ("thesis", "thesis.html"):
        with pytest.raises(InputError, match=r"folder|\.html"):
            scrubber.to_html(thesis / name)
    assert len(list(thesis.glob("*/chapter.tex"))) == 4


def test_our_own_stores_are_replaced_and_tell_nothing_of_it(tmp_path):
    path = tmp_path / "map.zarr"
    lam.save(xr.Dataset({"attribution": 1.0}), path)
    lam.save(xr.Dataset({"attribution": 2.0}), path)
    xr.testing.assert_identical(lam.open(path), xr.Dataset({"attribution": 2.0}))
    assert [one.name for one in tmp_path.iterdir()] == ["map.zarr"]


def test_another_zarr_is_not_replaced(tmp_path):
    xr.Dataset({"precious": 1.0}).to_zarr(tmp_path / "map.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(InputError, match="did not write"):
        lam.save(xr.Dataset({"attribution": 1.0}), tmp_path / "map.zarr")
    assert float(lam.open(tmp_path / "map.zarr").precious) == 1


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / "note.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "note.txt") as temporary:
        temporary.write_text("new")
        raise KeyboardInterrupt
    assert [one.name for one in tmp_path.iterdir()] == ["note.txt"] and (tmp_path / "note.txt").read_text() == "old"

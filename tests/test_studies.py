"""Studies: known answers on made-up tables, and figures for print."""

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image as Pillow

import lam_nb as lam
from lam_nb import InputError, Region, networks, studies, views
from lam_nb.studies import verbs

REGION = Region(16, 20, 6)
QUIET = {"steps": 4, "progress": False}


def table(index, psnr=None):
    """A sweep of made-up numbers (model, image)."""
    index = np.asarray(index, float)
    names = np.array([f"net {k}" for k in range(len(index))], dtype=object)
    places = np.array([f"image {k}" for k in range(index.shape[1])], dtype=object)
    data = {"diffusion_index": (("model", "image", "region"), index[..., None])}
    if psnr is not None:
        data["psnr"] = (("model", "image"), np.asarray(psnr, float))
    return xr.Dataset(data, coords={"model": names, "image": places})


def test_an_exact_law_is_found():
    index = np.exp(np.linspace(0, 3, 6))[:, None] * np.ones(5)
    study = studies.di_against_psnr(table(index, 20 + 2 * np.log(index)), draws=100)
    for name in ("pearson", "spearman"):
        assert [float(study[name + end]) for end in ("", "_low", "_high")] == pytest.approx([1, 1, 1])
    np.testing.assert_allclose(study.against, 20 + 2 * np.log(index[:, 0]))


def test_intervals_widen_with_noise_and_are_seeded():
    noise = np.random.default_rng(0).normal(0, 1, (8, 12))
    index = np.exp(np.linspace(0, 2, 8))[:, None] * np.exp(0.1 * noise)
    studied = [studies.di_against_psnr(table(index, np.log(index) + s * noise[::-1]), draws=300) for s in (0.2, 2, 2)]
    widths = [float(one.pearson_high - one.pearson_low) for one in studied]
    assert widths[1] > widths[0] and widths[1] == widths[2]
    assert float(studied[1].pearson_low) <= float(studied[1].pearson) <= float(studied[1].pearson_high)


def _population(generator, count, pictures=10, rho=0.7):
    """Networks drawn from a population whose ln DI and PSNR correlate by rho, with a picture's own noise."""
    index, own = generator.normal(size=(2, count, 1))
    quality = rho * index + np.sqrt(1 - rho**2) * own
    noise = 0.3 * generator.normal(size=(2, count, pictures))
    return table(np.exp(index + noise[0]), quality + noise[1])


def test_intervals_over_networks_too_are_wider_and_cover():
    generator = np.random.default_rng(0)
    covered = {"pictures": 0, "both": 0}
    for _ in range(60):
        made = _population(generator, 16)
        found = {over: studies.di_against_psnr(made, over=over, draws=200) for over in covered}
        widths = {over: float(one.pearson_high - one.pearson_low) for over, one in found.items()}
        assert widths["both"] > widths["pictures"]
        assert float(found["both"].pearson) == float(found["pictures"].pearson)
        for over, one in found.items():
            covered[over] += float(one.pearson_low) <= 0.7 <= float(one.pearson_high)
    assert covered["both"] >= 0.85 * 60 > covered["pictures"] + 10
    assert found["both"].attrs["over"] == "both"
    with pytest.raises(InputError, match="over: got 'all'"):
        studies.di_against_psnr(made, over="all")


def test_pictures_with_windows_of_their_own_are_correlated_too():
    generator = np.random.default_rng(1)
    made = _population(generator, 5, 3)
    rows = made.stack(cell=("model", "image")).reset_index("cell")
    rows = rows.isel(region=0).rename(model="network", image="picture")
    twice = xr.concat([rows.assign(diffusion_index=rows.diffusion_index * k) for k in (0.5, 1.5)], "cell")
    for one, other in zip(*(studies.di_against_psnr(each, draws=50).values() for each in (made, twice)), strict=True):
        np.testing.assert_allclose(one, other)
    sizes = {f"net {k}": k for k in range(5)}
    assert float(studies.di_against(made, sizes, "width").spearman) == float(
        studies.di_against(twice, sizes, "width").spearman
    )


def test_global_fields_count_as_largest():
    made = table(np.exp([[0.0], [1.0], [2.0], [3.0]]))
    found = studies.di_against(made, {"net 0": 15, "net 1": 43, "net 2": 73, "net 3": np.inf}, "receptive field")
    assert float(found.spearman) == pytest.approx(1) and np.isfinite(float(found.pearson))
    with pytest.raises(InputError, match="has no number for 'net 3'"):
        studies.di_against(made, {"net 0": 1, "net 1": 2, "net 2": 3}, "width")


def test_too_little_is_said():
    with pytest.raises(InputError, match="at least three"):
        studies.di_against_psnr(table([[1.0], [2.0]], [[1.0], [2.0]]))
    with pytest.raises(InputError, match="has no PSNR"):
        studies.di_against_psnr(table([[1.0], [2.0], [3.0]]))


def test_content_is_sorted_by_the_widest_look():
    found = studies.content(table([[1.0, 5.0, 2.0], [2.0, 1.0, 9.0]]))
    assert found.image.values.tolist() == ["image 2", "image 1", "image 0"]
    assert found.largest.values.tolist() == [9, 5, 2]
    assert found.widest.values.tolist() == ["net 1", "net 0", "net 1"]


def test_the_first_choice_is_like_itself(relu_network, linear_network, image):
    found = studies.path_sensitivity([relu_network, linear_network], image, REGION, **QUIET)
    np.testing.assert_allclose(found.rank_correlation[0], 1)
    assert found.choice.values.tolist() == ["blur", "linear", "black", "mean"]
    assert float(found.rank_correlation[2, 0]) < 1
    detected = studies.detector_sensitivity([relu_network], image, REGION, reference=torch.zeros(3, 40, 52), **QUIET)
    assert detected.choice.values.tolist() == ["edges", "intensity", "gabor", "error"]
    assert detected.attrs["varied"] == "detector"


def test_an_interrupted_study_goes_on(relu_network, image, tmp_path, monkeypatch):
    choices = {"blur": "blur", "black": "black"}
    whole = studies.path_sensitivity([relu_network], image, REGION, choices, **QUIET)
    real, calls = verbs.attribute, []

    def once(*arguments, **settings):
        calls.append(settings["path"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **settings)

    monkeypatch.setattr(verbs, "attribute", once)
    with pytest.raises(KeyboardInterrupt):
        studies.path_sensitivity([relu_network], image, REGION, choices, store=tmp_path / "study", **QUIET)
    again = studies.path_sensitivity([relu_network], image, REGION, choices, store=tmp_path / "study", **QUIET)
    assert calls == ["blur", "black", "black"]  # the finished choice was not computed again
    xr.testing.assert_allclose(again.drop_attrs(), whole.drop_attrs())


def test_width_and_depth_are_told_apart():
    sizes = {"net 0": (8, 4), "net 1": (16, 4), "net 2": (32, 4), "net 3": (16, 1), "net 4": (16, 8)}
    index, psnr = np.array([[1.0], [2], [3], [2.5], [1.5]]), np.array([[20.0], [21], [22], [20.5], [21.5]])
    made = table(index * np.ones(6), psnr * np.ones(6))
    found = studies.di_against_size(made, sizes, draws=20)
    assert found.compared.sum("model").values.tolist() == [3, 3]
    assert found.spearman.sel(axis="width").values.tolist() == pytest.approx([1, 1])
    assert found.spearman.sel(axis="depth").values.tolist() == pytest.approx([-1, 1])
    figure = views.scaling(found)
    assert [list(trace.x) for trace in figure.data[::2]] == [[8, 16, 32], [1, 4, 8]]
    with pytest.raises(InputError, match="has no PSNR"):
        studies.di_against_size(made.assign(psnr=made.psnr * np.nan), sizes)
    with pytest.raises(InputError, match="no width and depth for 'net 4'"):
        studies.di_against_size(made, {name: sizes[name] for name in list(sizes)[:4]})
    with pytest.raises(InputError, match="at least three networks of one depth"):
        studies.di_against_size(made, {name: (k, k) for k, name in enumerate(sizes)})


def test_networks_of_one_name_and_a_single_network(relu_network, image, tmp_path):
    found = studies.path_sensitivity([relu_network, relu_network], image, REGION, {"a": "blur", "b": "mean"}, **QUIET)
    assert found.model.values.tolist() == ["toy (1)", "toy (2)"] and len(views.sensitivity(found).data) == 4
    one = studies.path_sensitivity([relu_network], image, REGION, store=tmp_path / "new" / "study", **QUIET)
    assert views.sensitivity(one).data[0].x[0] == "blur"


def test_axes_of_narrow_studies_are_labelled():
    index = np.array([[0.56], [0.6], [0.65]]) * np.ones(4)
    study = studies.di_against_psnr(table(index, 20 + index), draws=20)
    assert len(views.di_scatter(study).layout.xaxis.tickvals) >= 2


def test_hard_windows_are_where_networks_fail():
    truth = torch.full((3, 96, 120), 0.5)
    truth[:, 40:56, 64:80] = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    net = networks.wrap(torch.nn.Upsample(scale_factor=4, mode="bicubic"), check=False)
    first, *others = studies.hard_regions(truth, [net], n=3)
    assert abs(first.y - 40) <= 8 and abs(first.x - 64) <= 8
    for one in others:
        assert max(abs(one.y - first.y), abs(one.x - first.x)) >= 16
    with pytest.raises(InputError, match="networks: got none"):
        studies.hard_regions(truth, [])


def test_a_test_set_takes_the_crops_with_most_structure(tmp_path):
    flat, busy = np.full((64, 96, 3), 128, np.uint8), np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Pillow.fromarray(flat).save(tmp_path / "flat.png")
    Pillow.fromarray(busy).save(tmp_path / "busy.png")
    found = studies.test_set(tmp_path, n=5, size=32)
    assert len(found) == 5
    assert [name.split()[0] for name in found][:4] == ["busy"] * 4
    assert all(one.shape == (3, 32, 32) for one in found.values())
    with pytest.raises(InputError, match="folder: no picture"):
        studies.test_set(tmp_path, size=512)


@pytest.fixture
def shown(relu_network, linear_network, image):
    nets = [relu_network, linear_network]
    single = lam.attribute(relu_network, image, REGION, **QUIET)
    study = studies.di_against_psnr(table([[1.0, 2], [2, 3], [4, 4.5]], [[20.0, 21], [22, 23], [23, 23.5]]), draws=50)
    return {
        "result": single,
        "comparison": lam.compare(nets, image, REGION, reference=torch.zeros(3, 40, 52), **QUIET),
        "curves": lam.faithfulness.curves(relu_network, image, REGION, {"LAM": single}, progress=False),
        "study": study,
        "view": views.convergence(single),
    }


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_everything_prints(ending, shown, tmp_path):
    for name, one in shown.items():
        path = views.save(one, tmp_path / f"{name}.{ending}", width=85, dpi=200)
        assert path.read_bytes().lstrip()[:5] in (b"%PDF-", b"<?xml", b"\x89PNG\r")
        if ending == "png":
            with Pillow.open(path) as printed:
                assert abs(printed.width - 85 / 25.4 * 200) <= 2
                inked = (np.asarray(printed.convert("L")) < 230).mean()
            assert 0.01 < inked < 0.9, name
    with pytest.raises(InputError, match=r"path: got a\.gif"):
        views.save(shown["result"], tmp_path / "a.gif")
    with pytest.raises(InputError, match="width: got 0"):
        views.save(shown["result"], tmp_path / "a.pdf", width=0)


def test_views_of_studies(shown, relu_network, linear_network, image):
    scatter = views.di_scatter(shown["study"])
    assert scatter.layout.xaxis.type == "log" and "Spearman 1.00" in scatter.layout.title.text
    assert list(scatter.data[0].text) == ["net 0", "net 1", "net 2"]
    red = views.informative(shown["comparison"])
    assert red.data[-1].zmin == -1 and "wider network against narrower" in red.layout.title.text
    kept = {"keep": ["path", "gradient", "integrand", "detector"], **QUIET}
    pair = {name: lam.attribute(relu_network, image, REGION, path=name, **kept) for name in ("blur", "black")}
    panel = views.path_panel(pair)
    assert len(panel.layout.images) == 16  # four of each path, with their gradients
    assert {trace.name for trace in panel.data if trace.name} == {"blur", "black"}


def test_tables_go_to_latex(shown):
    text = views.table([shown["result"]], PSNR=[21.5]).to_latex()
    assert text.startswith(r"\begin{tabular}{lrrr") and r"\%" in text and text.endswith(r"\end{tabular}")

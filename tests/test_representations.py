"""What features know: laws of layers, components, stores and samples first, then bad input."""

import os
import pathlib
import signal
import subprocess
import sys
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, networks
from lam_nb.engine import features as engine
from lam_nb.engine.running import Leased
from lam_nb.methods.representation import components as parts
from lam_nb.methods.representation.samples import conditions, samples
from lam_nb.methods.representation.shelf import Filed

CPU = torch.device("cpu")
QUIET = {"progress": False}
NAMES = ("one", "two", "three", "four", "five")


def pictures(count=4, rows=20, columns=28):
    source = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 5, 7, generator=source)
    large = nn.functional.interpolate(coarse, size=(rows, columns), mode="bilinear")
    return dict(zip(NAMES, large, strict=False))


def layers(inplace=False):
    torch.manual_seed(7)
    first, second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 12, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(inplace=inplace), second, nn.PixelShuffle(2))


def toy(module=None, scale=2, **settings):
    return networks.wrap(module or layers(), scale=scale, name="toy", check=False, **settings)


def identity():
    return networks.wrap(nn.Sequential(nn.Identity()), scale=1, name="same", check=False)


def darker(batch):
    return batch * 0.5


SPOILED = {"blur": lam.images.Blur(1.5), "noise": lam.images.Noise(0.1)}
FEW = {"components": 4, "perplexity": 3, **QUIET}


def asked(network=None, given=None, degradations=SPOILED, **settings):
    network, given = toy() if network is None else network, pictures() if given is None else given
    return lam.representations(network, given, degradations, **{**FEW, "layers": "2", **settings})


def bare(network):
    """Whether nobody listens to a network."""
    return not any(one._forward_hooks or one._forward_pre_hooks for one in network.modules())


# -- what is asked ---------------------------------------------------------------------------------------------------


def test_features_of_a_network_that_does_nothing_are_its_pixels():
    ds = asked(identity(), layers="0", degradations={"darker": darker}, components=8)
    given = torch.stack([one for picture in pictures().values() for one in (picture, darker(picture))])
    pixels = given.flatten(1).double().numpy()
    apart = pixels - pixels.mean(0)
    projection = ds.projection[0].values
    np.testing.assert_allclose(projection @ projection.T, apart @ apart.T, atol=1e-6)
    assert ds.features.item() == 3 * 20 * 28 and ds.depth.item() == 1
    assert ds.content.values.tolist()[:2] == ["one", "one"] and ds.degradation.values.tolist()[:2] == [
        "clean",
        "darker",
    ]
    assert ds.sample.values[1] == "one, darker" and ds.level.values[0] == 0 and np.isnan(ds.level.values[1])


def test_separability_of_a_network_that_does_nothing_has_a_closed_form():
    """Flat pictures of levels c, shifted by d: between shifts n Σ(d − d̄)², within them k Σ(c − c̄)²."""
    levels, shifts = np.array([0.1, 0.25, 0.3, 0.6]), np.array([0.0, 0.05, 0.2])
    flat = {f"{c:g}": torch.full((3, 6, 9), float(c)) for c in levels}
    moved = {f"{d:g}": (lambda batch, d=d: batch + float(d)) for d in shifts[1:]}
    ds = asked(identity(), flat, moved, layers="0", components=2)
    spread = [((one - one.mean()) ** 2).sum() for one in (levels, shifts)]
    by_shift = (len(levels) * spread[1] / 2) / (len(shifts) * spread[0] / (12 - 3))
    by_level = (len(shifts) * spread[0] / 3) / (len(levels) * spread[1] / (12 - 4))
    for by, expected in (("degradation", by_shift), ("content", by_level)):
        found = lam.statistics.separability(ds, by, draws=2, permutations=2).separability
        assert float(found.sel(measure="calinski_harabasz")[0]) == pytest.approx(expected, rel=1e-4)


def test_projections_are_scikit_learns():
    from sklearn.decomposition import PCA

    matrix = np.random.default_rng(0).normal(size=(14, 900)).astype(np.float32) + 5
    found = parts.components(matrix, 6, 10**7)
    model = PCA(6, svd_solver="full")
    expected = model.fit_transform(matrix.astype(float))
    np.testing.assert_allclose(abs(found.projection), abs(expected), atol=1e-6)
    np.testing.assert_allclose(found.shares, model.explained_variance_ratio_, atol=1e-9)
    farthest = abs(found.projection).argmax(0)
    assert (found.projection[farthest, range(6)] > 0).all()


@pytest.mark.parametrize(("allowed", "how"), [(10**9, "randomised"), (1, "incremental")])
def test_many_samples_go_to_scikit_learn(allowed, how, monkeypatch):
    source = np.random.default_rng(0)
    matrix = (source.normal(size=(61, 3)) * [9, 4, 2] @ source.normal(size=(3, 40))).astype(np.float32)
    exact = parts.components(matrix, 5, 10**7)
    monkeypatch.setattr(parts, "_FEW", 10)
    found = parts.components(matrix, 5, allowed)
    assert how in found.how
    np.testing.assert_allclose(abs(found.projection[:, :3]), abs(exact.projection[:, :3]), rtol=0.02, atol=0.05)


def test_components_beyond_the_rank_are_zero():
    ds = asked(features="pooled", layers="output", components=8)
    assert ds.features.item() == 3
    assert not ds.projection[..., 3:].values.any() and ds.explained_variance.sum() == pytest.approx(1)


def test_features_are_what_layers_answer_also_if_they_are_overwritten_after():
    module = layers(inplace=True)
    given = torch.rand(3, 10, 14, generator=torch.Generator().manual_seed(1))
    run = Leased(toy(module), CPU)
    taken = engine.chosen(run, engine.survey(run, given), ["0", "2:in", "output"])
    ((_, rows),) = engine.Listener(run, taken, batch=4)([given, given.flip(1)])
    plain = layers()
    first = plain[0](given[None])
    torch.testing.assert_close(torch.from_numpy(rows["0"][0]), first.flatten(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(torch.from_numpy(rows["2:in"][0]), first.relu().flatten(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(torch.from_numpy(rows["output"][0]), plain(given[None]).flatten(), atol=1e-5, rtol=1e-4)
    assert rows["0"].min() < 0
    plainest = Leased(engine.askable(nn.Sequential(nn.InstanceNorm2d(3), nn.ReLU(inplace=True))), CPU)
    ((_, rows),) = engine.Listener(plainest, engine.chosen(plainest, engine.survey(plainest, given), "0"))([given])
    assert rows["0"].min() < 0  # without weights nothing lies in another order, and is copied for that


def test_pooled_features_are_means_over_places():
    run, given = Leased(toy(), CPU), torch.rand(3, 10, 14, generator=torch.Generator().manual_seed(1))
    taken = engine.chosen(run, engine.survey(run, given), "0")
    (whole,), (pooled,) = (
        [rows["0"] for _, rows in engine.Listener(run, taken, pooled=pooled)([given])] for pooled in (False, True)
    )
    np.testing.assert_allclose(pooled, whole.reshape(1, 6, -1).mean(2), atol=1e-6)


def test_layers_go_by_name_pattern_and_depth():
    run = Leased(networks.load("residual"), CPU)
    known = engine.survey(run, torch.rand(3, 8, 12))

    def names(given):
        return [one.name for one in engine.chosen(run, known, given)]

    assert names(["last", "head"]) == ["head", "last"]
    assert names("blocks.?") == [f"blocks.{k}" for k in range(8)]
    assert names("tail.0:in") == ["tail.0:in"] and all(one.endswith(":in") for one in names("blocks.*:in"))
    usual = engine.chosen(run, known, None)
    assert usual[0].name == "head" and usual[-1].name == "last" and len(usual) == 6
    depths = [one.depth for one in usual]
    assert depths == sorted(depths) and (depths[0], depths[-1]) == (1 / 19, 18 / 19)  # of 19 convolutions
    assert engine.last(run, known).name == "tail.0:in"


def test_a_bare_classifier_is_asked_as_it_is():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 18 * 26, 5)).train()
    ds = asked(module, layers=None)
    assert ds.layer.values.tolist() == ["0", "3"] and ds.features.values.tolist() == [4 * 18 * 26, 5]
    assert ds.attrs["network"] == "Sequential" and ds.attrs["scale"] == 1
    assert module.training and bare(module)


def test_networks_of_one_picture_at_a_time_give_the_same():
    class Single(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = layers()

        def forward(self, batch):
            if len(batch) > 1:
                raise ValueError("one at a time, please")
            return self.inner(batch)

    found = asked(toy(Single()), layers="inner.2", batch=5)
    np.testing.assert_allclose(found.projection, asked().projection, atol=1e-4)


# -- what must not matter --------------------------------------------------------------------------------------------


def test_batch_memory_and_store_change_nothing(tmp_path):
    first = asked(batch=2)
    for other in (asked(batch=2, memory=2_000_000_000), asked(batch=2, store=tmp_path / "a.zarr")):
        np.testing.assert_array_equal(other.projection, first.projection)
        np.testing.assert_array_equal(other.plane, first.plane)
    filed = asked(batch=2, memory="70 kB", components=4)
    assert (first.features_in, filed.features_in) == ("memory", "Zarr store")
    np.testing.assert_array_equal(filed.projection, first.projection)
    np.testing.assert_allclose(asked(batch=5).projection, first.projection, atol=1e-4)


def test_order_and_names_change_nothing():
    first = asked()
    turned = asked(None, dict(reversed(pictures().items())), dict(reversed(SPOILED.items())))
    assert turned.content.values[0] == "four" and turned.degradation.values.tolist()[:3] == ["clean", "noise", "blur"]
    for name in ("projection", "plane"):
        np.testing.assert_array_equal(turned.sel(sample=first.sample)[name], first[name])
    listed = asked(None, [*pictures().values()])
    assert listed.content.values[0] == "image 0"
    np.testing.assert_array_equal(listed.projection.values, first.projection.values)


def test_pieces_of_a_matrix_add_up_the_same_however_they_are_read():
    matrix = np.random.default_rng(0).normal(size=(5, 20_000)).astype(np.float32)
    sums = [parts.gram(matrix, allowed) for allowed in (1, 10**6, 10**9)]
    assert all(np.array_equal(one, sums[0]) for one in sums)
    some = parts.recentred(sums[0], np.array([0, 2, 3]))
    np.testing.assert_allclose(some, parts.gram(matrix[[0, 2, 3]], 1), atol=1e-8)


def test_every_picture_has_noise_of_its_own_the_same_at_each_call():
    own = {"torch": lambda batch: batch + 0.1 * torch.rand_like(batch), "noise": lam.images.Noise(0.1)}
    state = torch.random.get_rng_state()
    one, again, other = (samples(identity(), pictures(), own, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert one.digest == again.digest != other.digest
    clean = {name: picture for name, picture in pictures().items()}
    for kind in own:
        drawn = [x - clean[c] for x, c, d in zip(one.inputs, one.contents, one.degradations, strict=True) if d == kind]
        assert len(drawn) == 4 and not torch.allclose(drawn[0], drawn[1], atol=1e-3)


def test_the_middle_is_cut_after_the_degradation():
    ds = samples(toy(), pictures(rows=40, columns=60), {"blur": lam.images.Blur(2)}, size=(8, 12))
    low = lam.images.downscale(pictures(rows=40, columns=60)["one"], 2)
    at = ds.names.index("one, blur")
    torch.testing.assert_close(ds.inputs[at], lam.images.Blur(2)(low)[:, 6:14, 9:21])


def test_other_ways_to_reduce_take_the_truth():
    truth = pictures(rows=40, columns=60)
    found = samples(toy(), truth, {"bicubic": lam.images.Reduction("bicubic"), "box": lam.images.Reduction("box")})
    named = dict(zip(found.names, found.inputs, strict=True))
    assert torch.equal(named["one, bicubic"], named["one, clean"])
    box = nn.functional.avg_pool2d(truth["one"], 2)
    torch.testing.assert_close(named["one, box"], box, atol=2 / 255, rtol=0)


def test_real_degradations_are_pairs_of_folders(tmp_path):
    truths, real = tmp_path / "truth", tmp_path / "real"
    for folder, factor in ((truths, 1), (real, 2)):
        folder.mkdir()
        for name, picture in pictures(rows=40, columns=60).items():
            small = picture if factor == 1 else 0.5 * lam.images.downscale(picture, 2)
            lam.images.to_pillow(small).save(folder / f"{name}.png")
    ds = asked(None, truths, {"real": str(real), "blur": [(1, lam.images.Blur(1)), (2, lam.images.Blur(2))]})
    assert ds.sizes["sample"] == 16 and set(ds.degradation.values) == {"clean", "real", "blur"}
    assert sorted(set(ds.level.sel(sample=ds.degradation == "blur").values)) == [1, 2]
    (real / "one.png").unlink()
    with pytest.raises(InputError, match=r"degradations\['real'\]: .* has no picture of the name 'one'"):
        asked(None, truths, {"real": real})


# -- whatever happens ------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys, zarr
import lam_nb as lam
from tests.test_representations import SPOILED, pictures
real, writes = zarr.Array.__setitem__, []
def write(array, *given):
    writes.append(array.basename)
    if writes.count("done") == 3:  # features are there, and nobody has said so yet
        os.kill(os.getpid(), signal.SIGKILL)
    return real(array, *given)
zarr.Array.__setitem__ = write
given = {"layers": ["first_part.*", "last_part:in"], "components": 4, "batch": 2, "progress": False}
lam.representations("fsrcnn", pictures(rows=40, columns=60), SPOILED, store=sys.argv[1], **given)
"""


def test_a_killed_question_goes_on_where_it_was(tmp_path):
    store, root = tmp_path / "features.zarr", pathlib.Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root / "widgets"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run([sys.executable, "-c", KILLED, str(store)], env={**os.environ, "PYTHONPATH": paths}, cwd=root)
    assert run.returncode == -signal.SIGKILL
    net, seen = networks.load("fsrcnn"), []
    net.register_forward_hook(lambda _, given, answer: seen.append(len(given[0])))
    given = {"layers": ["first_part.*", "last_part:in"], "components": 4, "batch": 2, **QUIET}
    question = pictures(rows=40, columns=60), SPOILED
    found = lam.representations(net, *question, store=store, **given)
    assert sum(seen) == 1 + 12 - 4  # one to survey the layers; four were done
    whole = lam.representations(net, *question, **given)
    np.testing.assert_array_equal(found.projection, whole.projection)
    seen.clear()
    again = lam.representations(net, *question, store=store, **given)
    assert sum(seen) == 1
    np.testing.assert_array_equal(again.projection, whole.projection)
    with pytest.raises(InputError, match=r"store: .* holds other features \(not the same: inputs\)"):
        lam.representations(net, *question, store=store, seed=1, **given)
    with pytest.raises(InputError, match=r"not the same: layers"):
        lam.representations(net, *question, store=store, **given | {"layers": "first_part.0"})


def test_a_store_of_something_else_is_left_as_it_is(tmp_path):
    lam.save(xr.Dataset({"attribution": 1.0}), tmp_path / "map.zarr")
    with pytest.raises(InputError, match=r"store: .*map\.zarr holds something else than features"):
        asked(store=tmp_path / "map.zarr")
    assert float(lam.open(tmp_path / "map.zarr").attribution) == 1
    with pytest.raises(InputError, match=r"store: got map\.nc, expected a name that ends in \.zarr"):
        asked(store=tmp_path / "map.nc")


def test_a_write_that_fails_is_no_result(tmp_path):
    def spoil(done, total):
        (tmp_path / "a.zarr" / "layer 0" / "c").write_text("no folder") if done == 0 and total > 1 else None

    with pytest.raises(OSError, match=r"layer 0"):
        asked(store=tmp_path / "a.zarr", batch=4, progress=spoil)


def test_one_changed_bit_is_an_error(tmp_path):
    shelf = Filed(tmp_path / "a.zarr", 2, {"x": 9}, {})
    shelf.write(0, {"x": np.ones((2, 9), np.float32)})
    file = tmp_path / "a.zarr" / "layer 0" / "c" / "0" / "0"
    held = bytearray(file.read_bytes())
    held[5] ^= 1
    file.write_bytes(held)
    with pytest.raises(ValueError, match=r"(?i)checksum|crc"):
        shelf.matrix("x")[0:2, 0:9]


def test_nobody_listens_after_an_error_or_an_interruption():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.asked, self.error = layers(), 0, None

        def forward(self, batch):
            self.asked += 1
            out = self.inner(batch)
            if self.error is not None and self.asked > 2:
                raise self.error
            return out

    module = Failing().train()
    net = toy(module)
    for error, expected in ((KeyboardInterrupt(), KeyboardInterrupt), (ValueError("tired"), InputError)):
        module.asked, module.error = 0, error
        with pytest.raises(expected):
            asked(net, layers="inner.*", batch=1)
        assert bare(net) and all(one.training for one in module.modules())
    module.error = None

    def impatient(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(net, layers="inner.*", batch=2, progress=impatient)
    assert bare(net)
    asked(net, layers="inner.*")
    assert bare(net) and all(one.training for one in module.modules())


def test_progress_counts_samples_and_layers():
    told = []
    asked(layers=["0", "2"], batch=5, progress=lambda done, total: told.append((done, total)))
    assert (
        told[0] == (0, 12) and told[-1] == (14, 14) and [done for done, _ in told] == sorted(done for done, _ in told)
    )


def test_results_say_what_they_are_of_and_round_trip(tmp_path):
    ds = asked(layers=["0", "2"])
    assert ds.attrs["weights_sha256"] == toy().weights_hash and ds.attrs["perplexity"] == 3 and ds.attrs["seed"] == 0
    assert ds.attrs["plane_by"] == "t-SNE, init pca" and "Gram" in ds.attrs["components_found"]
    assert ds.attrs["conditions"].startswith("clean: as it is; blur: Blur(sigma=1.5); noise: Noise(")
    assert ds.projection.attrs["long_name"] and ds.depth.attrs["units"] == "1"
    for name in ("a.nc", "a.zarr"):
        back = lam.open(lam.save(ds, tmp_path / name))
        xr.testing.assert_allclose(back, ds)
        assert back.thumbnail.dtype == np.uint8 and back.attrs == ds.attrs


# -- what is refused -------------------------------------------------------------------------------------------------


class Odd(nn.Module):
    """Its first layer is given what a test wants."""

    def __init__(self, change):
        super().__init__()
        self.odd, self.idle, self.change = nn.Identity(), nn.Identity(), change

    def forward(self, batch):
        self.odd(self.change(batch))
        return batch


def ragged(batch):
    return batch[..., : 4 + int(batch.mean() * 20)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": "2x"}, "layers: got '2x', which network 'toy' does not have; did you mean '2'"),
        ({"layers": "zzz"}, "layers: got 'zzz', .*; there are 0, 1, 2, 3, output"),
        ({"layers": []}, "layers: got none, expected at least one"),
        ({"layers": 3}, "layers: got 3, expected names of layers"),
        ({"given": {"one": pictures()["one"]}}, "images: got one picture, expected at least two"),
        ({"given": {}}, "images: got none, expected"),
        ({"given": {"a": torch.zeros(3, 8, 8), "b": torch.zeros(3, 8, 8)}}, "images: 'a' and 'b' are one picture"),
        ({"given": "/nowhere/at/all"}, "images: got /nowhere/at/all, expected a folder of pictures"),
        ({"given": pathlib.Path(__file__).parent / "laws"}, "images: .*laws holds no picture"),
        ({"given": {"a": torch.rand(3, 1, 1), "b": torch.rand(3, 4, 4)}}, "images: 'a' has .* fewer than the scale, 2"),
        ({"degradations": {}}, "degradations: got only 'clean', expected at least one more"),
        ({"degradations": {"clean": None}}, "degradations: got only 'clean'"),
        ({"degradations": 3}, "degradations: got int, expected a dictionary"),
        ({"degradations": {"blur": 3}}, r"degradations\['blur'\]: got 3, expected a function"),
        ({"degradations": {"blur": [darker]}}, r"degradations\['blur'\]: got .*pairs \(level, function\)"),
        ({"degradations": {"blur": [(1, darker), (1, darker)]}}, "no two of one level"),
        (
            {"degradations": {"cut": lambda batch: batch[..., 1:]}},
            r"degradations\['cut'\]: it returned \(1, 3, 10",
        ),
        ({"degradations": {"nan": lambda batch: batch * np.nan}}, r"degradations\['nan'\]: got NaN"),
        ({"degradations": {"bad": lambda batch: batch["x"]}}, r"degradations\['bad'\]: '<lambda>' failed"),
        ({"components": 13}, r"components: got 13 for 12 samples \(4 pictures in 3 conditions\).*give components=11"),
        ({"components": 0}, "components: got 0"),
        ({"features": "mean"}, "features: got 'mean', expected one of whole, pooled"),
        ({"plane": "lda"}, "plane: got 'lda', expected one of tsne, umap"),
        ({"perplexity": 12}, "perplexity: got 12 for 12 samples"),
        ({"size": 300}, "size: got 300 × 300 px .* the smallest picture has 10 × 14"),
        ({"size": (3, 4, 5)}, "size: got"),
        ({"memory": "2 kB"}, "memory: got '2 kB', less than 12 inputs take"),
        ({"network": 3}, "network: got 3, expected a Network"),
        ({"network": toy(Odd(ragged), 1), "layers": "odd"}, "layers: 'odd' changes its size from picture to picture"),
        ({"network": toy(Odd(lambda x: x / 0 * 0), 1), "layers": "odd"}, "layers: 'odd' of network 'toy' gives NaN"),
        ({"network": toy(Odd(lambda x: x * 1j), 1), "layers": "odd"}, "layers: 'odd' gives complex numbers"),
        ({"network": toy(Odd(lambda x: x), 1), "layers": "idle"}, "layers: 'idle' gives no tensor"),
        (
            {"network": toy(Odd(lambda x: x.flatten(0, 1)), 1), "layers": "odd"},
            "'odd' gives no tensor with a row",
        ),
    ],
)
def test_bad_input_is_told_in_words(change, message):
    with pytest.raises(InputError, match=message):
        asked(**{"batch": 1, **change})


class Rising:
    """A peak that has risen by some megabytes, whatever a long process keeps in reserve."""

    def __init__(self, device, allowed):
        self.allowed, self.rise = allowed, 40_000_000

    watched = nullcontext


def test_batches_grow_to_what_is_allowed_and_one_picture_that_takes_more_is_told(monkeypatch):
    monkeypatch.setattr(engine, "Peak", Rising)
    given = [torch.zeros(3, 8, 9)] * 12
    run = Leased(toy(), CPU)
    taken = engine.chosen(run, engine.survey(run, given[0]), "0")
    starts = [start for start, _ in engine.Listener(run, taken, allowed=200_000_000)(given)]
    assert starts == [0, 1, 5]  # one takes 40 MB; then a quarter is spared: four, and all that are left
    kept = engine.Listener(run, taken, allowed=200_000_000, beside=20_000_000)
    assert [start for start, _ in kept(given)] == [0, 1, 3, 7]  # 60 MB; a batch of two took 80 MB and less for each
    with pytest.raises(InputError, match="memory: network 'toy' takes about 40 MB for one picture, more than the 1 MB"):
        [*engine.Listener(run, taken, allowed=1_000_000)(given)]


def test_pooled_features_take_layers_that_change_their_size():
    assert asked(toy(Odd(ragged), 1), layers="odd", features="pooled", batch=1, components=3).features.item() == 3


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(InputError, match="plane: 'umap' needs umap-learn"):
        asked(plane="umap")
    for name in [one for one in sys.modules if one.partition(".")[0] == "sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r'need scikit-learn; install it: pip install "lam-nb\[represent\]"'):
        asked()


def test_umap_lays_out_the_same_each_time():
    """Where umap-learn is installed, which tests do not ask for; warnings are errors, its own of Tensorflow is not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)
        pytest.importorskip("umap")
    one, again = (asked(plane="umap", perplexity=2.6) for _ in range(2))
    np.testing.assert_array_equal(one.plane, again.plane)
    assert np.isfinite(one.plane).all() and one.plane.shape == (1, 12, 2)
    assert one.attrs["plane_by"] == "UMAP, init spectral" and one.attrs["perplexity"] == 3
    assert "UMAP, init spectral, neighbours 3" in lam.views.representations(one).layout.title.text
    few = asked(None, pictures(2), {"darker": darker}, plane="umap", components=2, perplexity=3.9)
    assert few.attrs["perplexity"] == 3 and few.plane.any()


def test_levels_are_conditions_of_one_degradation():
    found = conditions({"blur": [(0.5, lam.images.Blur(0.5)), (2, None)]})
    assert [(one.degradation, one.level) for one in found] == [("clean", 0), ("blur", 0.5), ("blur", 2)]

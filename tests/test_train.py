import itertools

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file
from torch import nn

import lam_nb as lam
from lam_nb import InputError
from lam_nb.images import Blur, Chain, Noise, Reduction
from lam_nb.networks.training import accuracy, batches, classification, crops, train_classifier, train_family
from lam_nb.networks.training import learning as training

SPOILT = {"blur": [Blur(1), Blur(2)], "noise": Noise(0.1)}
SMALL = {"options": {"width": 8, "blocks": 1, "scale": 2}, "batch": 2, "patch": 12, "device": "cpu"}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cat", "bricks"):
        lam.images.to_pillow(lam.images.sample(name)).save(folder / f"{name}.png")
    return folder


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*")
@pytest.mark.parametrize(
    "extra",
    [{}, {"adversary": 0.01, "noise": 0.1}, {"loss": "mse", "degradations": SPOILT}],
    ids=["plain", "adversarial, noisy", "squares, spoilt"],
)
def test_interrupted_training_ends_as_an_uninterrupted_run(photos, tmp_path, monkeypatch, extra):
    settings = {"steps": 6, "every": 2, **SMALL, **extra}
    training.train(photos, tmp_path / "whole.safetensors", **settings)
    real, done = training._update, []

    def interrupted(*arguments):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(1)
        return real(*arguments)

    monkeypatch.setattr(training, "_update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.train(photos, tmp_path / "parts.safetensors", **settings)
    assert (tmp_path / "parts.safetensors.resume").exists()
    monkeypatch.setattr(training, "_update", real)
    training.train(photos, tmp_path / "parts.safetensors", **settings)
    whole, parts = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "parts"))
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value)
    assert not (tmp_path / "parts.safetensors.resume").exists()


def test_training_lowers_the_loss_and_loads(photos, tmp_path):
    out = tmp_path / "net.safetensors"
    training.train(photos, out, steps=60, rate=3e-3, every=60, **SMALL)
    hr = lam.images.sample("bricks")
    lr = lam.images.downscale(hr, 2)
    net = lam.networks.load(out, check=False)
    torch.manual_seed(0)
    fresh = lam.networks.wrap(lam.networks.architectures.build("imdn", **SMALL["options"]), check=False)
    with torch.no_grad():
        errors = [float((n(lr[None])[0] - hr).square().mean()) for n in (net, fresh)]
    assert errors[0] < errors[1] / 4


def test_a_denoiser_learns_to_denoise(photos, tmp_path):
    out = tmp_path / "denoiser.safetensors"
    options = {"architecture": "dncnn", "options": {"width": 8, "blocks": 3}, "batch": 2, "patch": 24, "device": "cpu"}
    training.train(photos, out, steps=80, rate=3e-3, every=80, noise=0.2, **options)
    clean = lam.images.sample("bricks")
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        restored = lam.networks.load(out)(noisy[None])[0]
    assert float((restored - clean).square().mean()) < float((noisy - clean).square().mean())


def test_fine_tuning_starts_from_the_checkpoint(photos, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    before = training.train(photos, first, steps=2, **SMALL).state_dict()
    settings = {name: value for name, value in SMALL.items() if name != "options"}
    after = training.train(photos, second, start=first, adversary=0.01, steps=1, rate=1e-9, **settings).state_dict()
    for key, value in before.items():
        torch.testing.assert_close(after[key], value, atol=1e-6, rtol=0)
    with pytest.raises(InputError, match="beside start="):
        training.train(photos, second, start=first, **SMALL)


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*")
@pytest.mark.parametrize(("loss", "learned"), [("l1", 0), ("mse", 1 / 4)])
def test_absolute_differences_lead_to_the_median_and_squares_to_the_mean(loss, learned, tmp_path):
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.value = nn.Parameter(torch.tensor(0.6))

        def forward(self, batch):
            return self.value.expand(batch.shape)

    wanted = torch.tensor([0.0, 0, 0, 1]).reshape(4, 1, 1, 1)
    stream = lambda first: itertools.repeat((torch.zeros(4, 1, 1, 1), wanted))  # noqa: E731
    objective, plan = training.Objective(training.LOSSES[loss]), {"loss": loss}
    made = training.learn(Constant(), stream, objective, tmp_path / "c", plan, 300, 0.05, "cpu", every=300)
    assert made.value.item() == pytest.approx(learned, abs=0.02)


def test_an_objective_adds_what_the_critic_says():
    output, wanted = torch.rand(2, 1, 3, 32, 40)
    critic = lam.networks.training.Critic(4)
    plain, both = (training.Objective(training.LOSSES["mse"], critic, weight)(output, wanted) for weight in (0, 0.5))
    assert float(plain.detach()) == pytest.approx(float((output - wanted).square().mean()))
    assert float((both - plain).detach()) == pytest.approx(0.5 * float(critic.deception(output, wanted).detach()))


def ramp(rows=20, columns=26):
    small = torch.arange(3 * rows * columns).reshape(3, rows, columns).remainder(251).to(torch.uint8)
    return [(small, small.repeat_interleave(2, 1).repeat_interleave(2, 2))]


def drawn(degradations, seed=5, first=0, size=60):
    return next(batches(ramp(), 2, 12, size, seed, first, degradations=degradations))


def test_each_crop_is_clean_or_spoilt_in_one_way_and_its_truth_stays():
    clean, truth = drawn(None)
    spoilt, same = drawn(SPOILT)
    torch.testing.assert_close(same, truth, rtol=0, atol=0)
    blurred = [blur(clean) for blur in SPOILT["blur"]]
    counts = dict.fromkeys(["clean", "weak", "strong", "noise"], 0)
    for k, one in enumerate(spoilt):
        near = [name for name, kind in zip(counts, (clean, *blurred), strict=False) if torch.allclose(one, kind[k])]
        counts[near[0] if near else "noise"] += 1
        if not near:
            assert 0.08 < float((one - clean[k]).std()) < 0.12
    assert 10 <= counts["clean"] <= 30 and 10 <= counts["noise"] <= 30 and min(counts.values()) >= 4


def test_degradations_follow_from_seed_and_step_alone():
    own = {"own": lambda batch: batch + torch.rand(())}
    for given in (SPOILT, own):
        torch.manual_seed(98)
        state = torch.get_rng_state()
        later = list(itertools.islice(batches(ramp(), 2, 12, 8, 5, 0, degradations=given), 3))[2][0]
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(99)
        assert torch.equal(drawn(given, first=2, size=8)[0], later)
        assert not torch.equal(drawn(given, seed=6, first=2, size=8)[0], later)


def test_every_crop_has_noise_of_its_own():
    noisy, clean = (drawn(given, size=12)[0] for given in ({"clean": Noise(0.1), "noise": Noise(0.1)}, None))
    noise = (noisy - clean).flatten(1)
    apart = np.abs(np.corrcoef(noise.numpy()) - np.eye(12)).max()
    assert apart < 0.4 and float(noise.std()) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([Blur(1)], "degradations: got list, expected a dictionary"),
        ({"blur": 2}, "got 2 for 'blur', expected a function"),
        ({"blur": []}, r"got \[\] for 'blur', expected a function"),
        ({"smaller": lambda batch: batch[..., 1:]}, r"got \(1, 3, 12, 11\) for a batch \(1, 3, 12, 12\)"),
        ({"nothing": lambda batch: None}, "got NoneType for a batch"),
        ({"nan": lambda batch: batch / 0}, "got NaN or infinity for a batch"),
        ({"odd": lambda batch: batch.no_such_thing}, "degradations: '<lambda>' failed"),
    ],
)
def test_bad_degradations_are_told_in_words(given, message):
    with pytest.raises(InputError, match=message):
        drawn(given)


def test_bad_losses_and_levels_are_told_in_words(photos, tmp_path, capsys):
    with pytest.raises(InputError, match="loss: got 'mae', expected one of l1, mse"):
        training.train(photos, tmp_path / "n.safetensors", loss="mae", **SMALL)
    command = [str(photos), "--out", str(tmp_path / "n.safetensors"), "--degradation"]
    for level, message in (("blurr=2", "did you mean 'blur'"), ("blur=-1", "sigma: got -1"), ("noise", "could not")):
        assert training.main([*command, level]) == 2
        assert message in capsys.readouterr().err
    assert training._degradations(["blur=1", "noise=0.1", "blur=2"]) == {
        "blur": [Blur(1), Blur(2)],
        "noise": [Noise(0.1)],
    }
    assert training._degradations(["blur=2:21+noise=0.1"]) == {"blur+noise": [Chain((Blur(2, 21), Noise(0.1)))]}


FEW = {"batch": 16, "patch": 16, "device": "cpu"}


def test_a_classifier_learns_which_photograph_a_crop_is_from(tmp_path):
    photos = lam.images.photographs.folder()
    whole = train_classifier(photos, tmp_path / "whole.safetensors", steps=90, every=90, **FEW)
    assert accuracy(whole, photos, patch=16) >= 0.5  # by chance 0.2
    read = lam.networks.classifier(tmp_path / "whole.safetensors")
    batch = torch.rand(2, 3, 20, 24)
    torch.testing.assert_close(read(batch), whole(batch))


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*")
def test_a_classifier_goes_on_and_never_sees_the_strips(tmp_path, monkeypatch):
    real, data = crops.pairs, {}

    def told(folder, scale, patch):
        found = [(small.clone(), large) for small, large in real(folder, scale, patch)]
        for small, _ in found:
            small[..., -patch:] = data.get("strip", small[..., -patch:])
        return found

    monkeypatch.setattr(classification, "pairs", told)
    settings = {"steps": 4, "every": 2, **FEW}
    photos = lam.images.photographs.folder()
    first = train_classifier(photos, tmp_path / "first.safetensors", **settings)
    data["strip"], update, done = 0, training._update, []

    def interrupted(*arguments):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return update(*arguments)

    monkeypatch.setattr(training, "_update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_classifier(photos, tmp_path / "second.safetensors", **settings)
    monkeypatch.setattr(training, "_update", update)
    second = train_classifier(photos, tmp_path / "second.safetensors", **settings)
    for key, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[key], value)


def test_bad_photographs_of_a_classifier_are_told_in_words(photos, tmp_path, capsys):
    with pytest.raises(InputError, match=r"photos: got 0 in .* that are 320 pixels across"):
        train_classifier(photos, tmp_path / "c.safetensors", patch=40, steps=1)
    command = [str(photos), "--out", str(tmp_path / "c.safetensors"), "--patch", "16", "--batch", "2"]
    assert classification.main([*command, "--steps", "0"]) == 2
    assert "steps: got 0" in capsys.readouterr().err
    assert classification.main([*command, "--steps", "1"]) == 0
    assert "2 photographs; " in capsys.readouterr().out


def test_a_family_is_trained_once_and_never_mixed(photos, tmp_path):
    quick = {"steps": 1, "batch": 1, "patch": 12, "device": "cpu"}
    given = {"widths": [8, 4], "depths": [1], "width": 4, "depth": 1, "architecture": "fsrcnn"}
    first = train_family(photos, tmp_path / "family", **given, **quick)
    assert [(one.width, one.depth) for one in first] == [(4, 1), (8, 1)]
    before = [one.file.stat().st_mtime_ns for one in first]
    again = train_family(photos, tmp_path / "family", **given, **quick)
    assert [one.file.stat().st_mtime_ns for one in again] == before
    with pytest.raises(InputError, match="holds a family trained with"):
        train_family(photos, tmp_path / "family", **given, **quick | {"steps": 2})
    with pytest.raises(InputError, match="depth: got 'x'"):
        train_family(photos, tmp_path / "family", **given | {"depth": "x"}, **quick)


def test_a_family_knows_the_degradations_that_it_was_trained_with(photos, tmp_path):
    given = {"widths": [4], "depths": [1], "width": 4, "depth": 1, "architecture": "fsrcnn"}
    given |= {"steps": 1, "batch": 1, "patch": 12, "device": "cpu"}
    for darker in (lambda batch: batch / 2, lambda batch: batch / 2):  # the same, elsewhere in memory
        train_family(photos, tmp_path / "family", degradations={"darker": darker}, **given)
    with pytest.raises(InputError, match="holds a family trained with"):
        train_family(photos, tmp_path / "family", degradations={"darker": lambda batch: batch / 3}, **given)


def test_bad_folders_and_files(tmp_path, photos, capsys):
    with pytest.raises(InputError, match="expected a folder with pictures"):
        lam.images.files(tmp_path / "none")
    Pillow.new("RGB", (8, 8)).save(tmp_path / "tiny.png")
    with pytest.raises(InputError, match="lower the patch size"):
        training.pairs(tmp_path, 2, 400)
    assert training.main([str(photos), "--out", str(tmp_path / "none" / "net.safetensors")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert training.main([str(photos), "--out", str(tmp_path / "n.safetensors"), "--option", "widht=3"]) == 2
    assert "did you mean 'width'" in capsys.readouterr().err


def test_photographs_are_made_small_as_asked(photos, tmp_path):
    made = {kernel: crops.pairs(photos, 2, 8, kernel and Reduction(kernel)) for kernel in (None, "bicubic", "bilinear")}
    for (usual, large), (same, _), (other, again) in zip(*made.values(), strict=True):
        assert torch.equal(usual, same) and not torch.equal(usual, other) and torch.equal(large, again)
    quick = {"architecture": "fsrcnn", "options": {"width": 4, "blocks": 1}, "device": "cpu"}
    quick |= {"steps": 4, "batch": 1, "patch": 12}
    one, two = (training.train(photos, tmp_path / f"{k}.safetensors", reduction=k, **quick) for k in ("bicubic", "box"))
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    with pytest.raises(InputError, match="kernel: got 'cubic'"):
        training.train(photos, tmp_path / "c.safetensors", reduction="cubic", **quick)

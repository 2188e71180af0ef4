import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file

import lam_nb as lam
from lam_nb import InputError
from lam_nb.networks.training import learning as training
from lam_nb.networks.training import train_family

SMALL = {"options": {"width": 8, "blocks": 1, "scale": 2}, "batch": 2, "patch": 12, "device": "cpu"}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cat", "bricks"):
        lam.images.to_pillow(lam.images.sample(name)).save(folder / f"{name}.png")
    return folder


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*")
@pytest.mark.parametrize("extra", [{}, {"adversary": 0.01, "noise": 0.1}], ids=["plain", "adversarial, noisy"])
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

import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file

import lam_nb as lam
from lam_nb import InputError
from lam_nb.networks import train as training

SMALL = {"options": {"width": 8, "blocks": 1, "scale": 2}, "batch": 2, "patch": 12, "device": "cpu"}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cat", "bricks"):
        lam.images.to_pillow(lam.images.sample(name)).save(folder / f"{name}.png")
    return folder


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*")
def test_interrupted_training_ends_as_an_uninterrupted_run(photos, tmp_path, monkeypatch):
    training.train(photos, tmp_path / "whole.safetensors", steps=6, every=2, **SMALL)
    real, done = training._update, []

    def interrupted(*arguments):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(1)
        return real(*arguments)

    monkeypatch.setattr(training, "_update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.train(photos, tmp_path / "parts.safetensors", steps=6, every=2, **SMALL)
    assert (tmp_path / "parts.safetensors.resume").exists()
    monkeypatch.setattr(training, "_update", real)
    training.train(photos, tmp_path / "parts.safetensors", steps=6, every=2, **SMALL)
    whole, parts = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "parts"))
    for key, value in whole.items():
        torch.testing.assert_close(parts[key], value)
    assert not (tmp_path / "parts.safetensors.resume").exists()


def test_training_lowers_the_loss_and_loads(photos, tmp_path):
    out = tmp_path / "net.safetensors"
    training.train(photos, out, steps=60, rate=3e-3, every=60, **SMALL)
    hr = lam.images.sample("bricks")
    lr = lam.images.downscale(hr, 2)
    net = lam.networks.load(out)
    torch.manual_seed(0)
    fresh = lam.networks.wrap(lam.networks.architectures.build("imdn", **SMALL["options"]))
    with torch.no_grad():
        errors = [float((n(lr[None])[0] - hr).square().mean()) for n in (net, fresh)]
    assert errors[0] < errors[1] / 4


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

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from lam_nb import InputError, images


def test_bytes_round_trip(image):
    bytes_ = images.to_pillow(image)
    assert bytes_.size == (26, 20)
    torch.testing.assert_close(images.as_image(bytes_), (image * 255).round() / 255)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((4, 5), 255, np.uint8), 1.0),
        (np.full((4, 5, 1), 65535, np.uint16), 1.0),
        (np.full((4, 5, 3), 0.25, np.float64), 0.25),
        (np.ones((4, 5, 3), bool), 1.0),
    ],
)
def test_arrays_become_rgb_in_0_1(array, expected):
    image = images.as_image(array)
    assert image.shape == (3, 4, 5)
    assert image.dtype == torch.float32
    assert (image == expected).all()


def test_a_file_keeps_rows_and_columns(tmp_path):
    field = np.zeros((20, 30, 3), np.uint8)
    field[3, 17, 1] = 255
    Pillow.fromarray(field).save(tmp_path / "one.png")
    assert images.load(tmp_path / "one.png")[1, 3, 17] == 1
    assert images.load(tmp_path / "one.png").sum() == 1


def test_sixteen_bit_grey_keeps_its_depth(tmp_path):
    Pillow.fromarray(np.full((4, 5), 257, np.uint16)).save(tmp_path / "deep.png")
    assert images.load(tmp_path / "deep.png")[0, 0, 0].item() == pytest.approx(257 / 65535)


def test_turned_photographs_are_upright(tmp_path):
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert images.load(tmp_path / "turned.jpg").shape == (3, 30, 20)


def test_transparency_needs_a_background(tmp_path):
    Pillow.new("RGBA", (5, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    with pytest.raises(InputError, match="transparent"):
        images.load(tmp_path / "clear.png")
    assert (images.load(tmp_path / "clear.png", background=1.0) == 1).all()
    Pillow.new("RGBA", (5, 4), (255, 0, 0, 255)).save(tmp_path / "opaque.png")
    assert images.load(tmp_path / "opaque.png")[0].min() == 1


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(4, 8, 8), r"shape \(4, 8, 8\), expected \(3, y, x\).*drop alpha"),
        (torch.zeros(1, 8, 8), r"image\.expand"),
        (torch.zeros(8, 8), "expected"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "expected floats"),
        (torch.full((3, 8, 8), torch.nan), "NaN"),
        (torch.full((3, 8, 8), 255.0), r"0 to 1; divide by 255"),
        (np.zeros((8, 8, 4), np.uint8), "drop alpha"),
        (np.zeros((8, 8, 3), np.int64), "int64"),
        (3, "got int"),
    ],
)
def test_bad_pictures_are_named(bad, message):
    with pytest.raises(InputError, match=message):
        images.as_image(bad)


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for path, message in ((tmp_path / "none.png", "no file"), (tmp_path, "folder"), (tmp_path / "text.png", "Pillow")):
        with pytest.raises(InputError, match=message):
            images.load(path)


def test_downscale_crops_and_is_pillow_bicubic(image):
    small = images.downscale(image, 4)
    assert small.shape == (3, 5, 6)
    whole = images.to_pillow(image[:, :20, :24]).resize((6, 5), Pillow.Resampling.BICUBIC)
    assert images.to_pillow(small).tobytes() == whole.tobytes()
    assert images.upscale(small, 4).shape == (3, 20, 24)


@pytest.mark.parametrize("scale", [0, -1, 2.0, 100])
def test_downscale_refuses(image, scale):
    with pytest.raises(InputError, match="scale: got"):
        images.downscale(image, scale)


def test_crop_refuses_to_leave_the_image(image):
    with pytest.raises(InputError, match="leaves the image, which is 20 × 26"):
        images.crop(image, 15, 0, 8, 8)


def test_samples_are_photographs_with_a_licence():
    assert {"facade", "bricks"} <= set(images.samples())
    licences = (images.photographs.folder() / "README.md").read_text()
    for name in images.samples():
        assert images.sample(name).shape[1] >= 200
        assert f"`{name}`" in licences
    with pytest.raises(InputError, match="did you mean 'facade'"):
        images.sample("facad")


DEGRADATIONS = [images.Noise(0.1), images.Rain(), images.JPEG(30), images.Blur(1.2)]


@pytest.mark.parametrize("degrade", DEGRADATIONS, ids=repr)
def test_degradations_are_seeded_and_take_pictures_and_batches(degrade, image):
    once, again = degrade(image), degrade(torch.stack([image, image]))
    assert once.shape == image.shape and not torch.equal(once, image)
    torch.testing.assert_close(again[0], once)
    torch.testing.assert_close(again[1], once)
    assert eval(repr(degrade), vars(images)) == degrade


def test_degradations_are_what_they_say(image):
    noise = images.Noise(0.2, seed=1)(torch.zeros(3, 200, 150))
    assert float(noise.std()) == pytest.approx(0.2, rel=0.02) and abs(float(noise.mean())) < 0.002
    assert not torch.equal(noise, images.Noise(0.2, seed=2)(torch.zeros(3, 200, 150)))
    for seed in range(8):
        layer = images.Rain(seed).layer(90, 120)
        assert 0.6 <= float(layer.max()) <= 1 and float(layer.min()) >= 0 and 0.05 < float(layer.mean()) < 0.7
        down, across = layer.diff(dim=0).abs().mean(), layer.diff(dim=1).abs().mean()
        assert across > 1.5 * down  # streaks fall
    assert (images.JPEG(95)(image) - image).abs().mean() < (images.JPEG(10)(image) - image).abs().mean()
    dot = torch.zeros(3, 41, 31)
    dot[:, 20, 15] = 1
    blurred = images.Blur(2.0)(dot)
    rows = torch.arange(41.0) - 20
    assert float(blurred[0].sum()) == pytest.approx(1, abs=1e-5)
    assert float((blurred[0].sum(1) * rows**2).sum()) == pytest.approx(4, rel=0.05)  # variance sigma²
    for make, bad in ((images.Noise, -1), (images.JPEG, 0), (images.Blur, 0), (images.Rain, -1)):
        with pytest.raises(InputError):
            make(bad)


def test_taps_say_how_far_a_blur_reaches():
    dot = torch.zeros(1, 31, 33)
    dot[0, 15, 16] = 1
    assert [int((images.Blur(2.0, taps=n)(dot)[0, 15] > 0).sum()) for n in (None, 5, 21)] == [13, 5, 21]
    torch.testing.assert_close(images.Blur(2.0, taps=13)(dot), images.Blur(2.0)(dot))
    for taps, message in ((4, "taps: got 4, expected an odd number, such as 5"), (0, "taps: got 0")):
        with pytest.raises(InputError, match=message):
            images.Blur(2, taps=taps)


def test_a_chain_degrades_step_by_step_and_every_step_is_reseeded():
    picture = torch.rand(3, 20, 26, generator=torch.Generator().manual_seed(0))
    chain = images.Chain((images.Blur(1.2), images.Noise(0.1, seed=3)))
    torch.testing.assert_close(chain(picture), images.Noise(0.1, seed=3)(images.Blur(1.2)(picture)))
    again = images.reseeded(chain, 8)
    assert again == images.Chain((images.Blur(1.2), images.Noise(0.1, seed=8)))
    assert images.reseeded(torch.flip, 1) is torch.flip
    for steps in ((), [images.Blur(1)], (2,)):
        with pytest.raises(InputError, match="steps: got"):
            images.Chain(steps)

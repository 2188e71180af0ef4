import json
import os
import signal
import subprocess
import sys

import pytest

import lam_nb as lam
from lam_nb import cli
from lam_nb.cli import cause, demonstration, options, overview, sweeping
from lam_nb.methods.causal import metrics, tasks
from lam_nb.studies import reporting, verbs


@pytest.fixture
def photo(tmp_path):
    lam.images.to_pillow(lam.images.sample("bricks")[:, :120]).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def _attribute(photo, *more, region="40,60,16"):
    return cli.main(["attribute", "--network", "imdn-small", "--image", str(photo), "--region", region, *more])


def test_demo_writes_a_result_and_a_page(tmp_path, capsys):
    assert cli.main(["demo", "--folder", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    for word in ("diffusion index", "completeness gap", "quadrature error", "seconds", "fsrcnn", "rfdn", str(tmp_path)):
        assert word in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lam-demo.html", "lam-demo.nc"]
    ds = lam.open(tmp_path / "lam-demo.nc")
    narrow, wide = ds.lam.diffusion_index().values
    assert list(ds.model) == ["fsrcnn", "rfdn"] and narrow < 1 < 10 < wide  # what the method is known for
    assert (abs(ds.completeness_gap) < 0.05).all()


@pytest.mark.shared
def test_the_window_of_the_demo_is_the_hardest():
    nets = [lam.networks.load(name) for name in ("rfdn", "fsrcnn", "carn-m")]
    hardest = lam.studies.hard_regions(lam.images.sample(demonstration.SAMPLE), nets, n=1)
    assert hardest == [demonstration.REGION]


def test_causal_of_each_task(photo, tmp_path, capsys):
    shared = ["causal", "--truth", str(photo), "--fine", "2", "--html", str(tmp_path / "map.html")]
    small = [*shared, "--out", str(tmp_path / "map.nc")]
    assert cli.main([*small, "--network", "fsrcnn", "--region", "40,60,32", "--block", "6"]) == 0
    told = capsys.readouterr().out
    assert "standard error" in told and "super-resolution" in told and (tmp_path / "map.html").exists()
    assert lam.open(tmp_path / "map.nc").attrs["block"] == 6
    clean = ["--network", "dncnn-small", "--region", "40,60,32", "--block", "32"]
    assert cli.main([*small, *clean]) == 0
    assert lam.open(tmp_path / "map.nc").attrs["noise"] == pytest.approx(50 / 255)
    assert cli.main([*small, *clean, "--task", "deraining", "--seed", "2"]) == 0
    assert lam.open(tmp_path / "map.nc").attrs["finish"] == "Rain(seed=2)"
    assert cli.main([*small, *clean, "--task", "deraining", "--image", str(photo)]) == 2
    assert "rain must fall after the patches" in capsys.readouterr().err
    assert cli.main([*small, *clean, "--metric", "ssim"]) == 0
    assert lam.open(tmp_path / "map.nc").effect.attrs["units"] == "1"
    assert cli.main([*small, *clean, "--task", "super-resolution"]) == 2
    assert "--task: got super-resolution for a network of scale 1" in capsys.readouterr().err


def test_attribute_own_file(photo, tmp_path, capsys):
    out, page = tmp_path / "map.nc", tmp_path / "map.html"
    code = _attribute(
        photo, "--downscale", "--steps", "4", "--rule", "midpoint", "--out", str(out), "--html", str(page)
    )
    assert code == 0
    ds = lam.open(out)
    assert dict(ds.attribution.sizes) == {"channel": 3, "y": 30, "x": 64}
    assert (ds.attrs["image"], ds.attrs["downscaling"], ds.attrs["rule"]) == (
        "photo.png",
        "PIL bicubic, 8 bit",
        "midpoint",
    )
    assert f"{float(ds.lam.diffusion_index()):.2f}" in capsys.readouterr().out
    assert page.stat().st_size > 1e6


def test_doctor_tells_versions_and_widgets(capsys):
    assert cli.main(["doctor"]) == 0
    told = capsys.readouterr().out
    for word in (lam.__version__, "torch", "plotly", "device", "memory", "GiB", "imdn-small", "facade", "widgets"):
        assert word in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--region", "470,0,16"], "leaves the output, which is 480 × 1024"),
        (["--region", "1;2"], "region: got '1;2'"),
        (["--region", "1,2,-3"], "region.size: got -3"),
        (["--network", "imdn-smal"], "did you mean 'imdn-small'"),
        (["--network", "none.pth"], "there is no file none.pth"),
        (["--image", "none.png"], "there is no file none.png"),
        (["--path", "blurred"], "did you mean 'blur'"),
        (["--rule", "arcs"], "did you mean 'arc'"),
        (["--steps", "0"], "steps: got 0"),
        (["--device", "cuda:9"], "device: got 'cuda:9'"),
        (["--out", "map.txt"], "ends in .nc"),
        (["--html", "none/map.html"], "there is no folder none"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, message, photo, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"--network": "imdn-small", "--image": str(photo), "--region": "40,60,16", "--out": "map.nc"}
    given |= dict([arguments])
    assert cli.main(["attribute", *(word for pair in given.items() for word in pair)]) == 2
    told = capsys.readouterr().err.strip()
    assert message in told.splitlines()[-1]
    assert told.splitlines()[-1].startswith("lam-nb: ")
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_an_interruption_says_so(photo, monkeypatch, capsys, tmp_path):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(lam, "attribute", interrupted)
    assert _attribute(photo, "--out", str(tmp_path / "map.nc")) == 130
    assert "no result was written" in capsys.readouterr().err
    assert not (tmp_path / "map.nc").exists()


def test_the_installed_command_runs_and_exits_with_2(tmp_path):
    command = os.path.join(os.path.dirname(sys.executable), "lam-nb")
    done = subprocess.run([command, "demo", "--folder", str(tmp_path / "none")], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("lam-nb: cannot write")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_who_serves_takes_the_server_along_when_a_signal_ends_it():
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    code = f"import sys; from lam_nb.cli import serving; serving.serve([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as serving:
        server = int(serving.stdout.readline())
        serving.terminate()
        assert serving.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_alone_it_shows_what_it_can_do(capsys):
    assert cli.main([]) == 0
    told = capsys.readouterr().out
    assert set(cli._COMMANDS) <= set(told.split()) and "lam-nb compare --networks fsrcnn,rfdn --truth facade" in told


def test_the_examples_of_the_help_are_commands():
    lines = [line.split()[1:] for line in cli._EXAMPLES.splitlines() if line.startswith("  lam-nb ")]
    assert len(lines) >= 4
    for words in lines:
        assert cli._parser(words).parse_args(words)


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"lam-nb {lam.__version__}\n"


def test_words_that_help_tells_are_those_that_are_known():
    assert (options.PATHS, options.DETECTORS, options.RULES) == tuple(
        module.names() for module in (lam.paths, lam.detectors, lam.quadrature)
    )
    assert (cause.TASKS, cause.METRICS, cause.THRESHOLDS) == (tasks.NAMES, metrics.names(), dict(metrics.THRESHOLDS))
    assert list(sweeping.VERBS) == sorted(verbs.VERBS) and overview.BY == reporting.BY


def test_samples_are_listed_and_copied_with_their_licences(tmp_path, capsys):
    assert cli.main(["samples"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in lam.images.samples()) and "CC BY 2.0" in told and "Büchele" in told
    assert cli.main(["samples", "--folder", str(tmp_path / "here"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in found["results"]] == list(lam.images.samples())
    names = {path.stem for path in (tmp_path / "here").iterdir()}
    assert names == {*lam.images.samples(), "README"} and len(found["written"]) == len(names)
    assert (lam.images.load(tmp_path / "here" / "cat.png") == lam.images.sample("cat")).all()
    assert cli.main(["samples", "--folder", str(tmp_path / "here" / "cat.png" / "none")]) == 2
    assert "--folder: " in capsys.readouterr().err


def test_compare_tells_keeps_and_shows(tmp_path, capsys):
    out, page = tmp_path / "many.nc", tmp_path / "many.html"
    command = [
        "compare",
        "--networks",
        "fsrcnn,residual",
        "--truth",
        "facade",
        "--region",
        "160,184,16",
        "--steps",
        "4",
    ]
    assert cli.main([*command, "--out", str(out), "--html", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    many = lam.open(out)
    assert [row["network"] for row in told["results"]] == list(many.model.values) == ["fsrcnn", "residual"]
    assert [row["diffusion_index"] for row in told["results"]] == pytest.approx(
        many.lam.diffusion_index().values.tolist()
    )
    assert [row["psnr_window"] for row in told["results"]] == pytest.approx(many.psnr_window.values.tolist())
    assert told["written"] == [str(out), str(page)] and page.stat().st_size > 1e6
    assert cli.main(command) == 0
    assert "--out keeps the result" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "fsrcnn"], "--networks: got 'fsrcnn', expected two or more"),
        (["--networks", "fsrcnn,dncnn-small"], "--truth: networks enlarge by 1, 4"),
        (["--networks", "dncnn-small,dncnn-small"], "--truth: these networks do not enlarge"),
        (["--truth", "facad"], "--truth: image: there is no file facad"),
        (["--image", "facade"], "expected --truth or --image, one of the two"),
    ],
)
def test_compare_refuses(arguments, message, capsys):
    given = {"--networks": "fsrcnn,residual", "--truth": "facade", "--region": "1,1,8"} | dict([arguments])
    assert cli.main(["compare", *(word for pair in given.items() for word in pair)]) == 2
    assert message in capsys.readouterr().err


def test_the_truth_makes_the_input(photo, tmp_path, capsys):
    """As --image with --downscale did, which still works, and says what is said now."""
    common = ["attribute", "--network", "fsrcnn", "--region", "40,60,16", "--steps", "3"]
    assert cli.main([*common, "--truth", str(photo), "--out", str(tmp_path / "new.nc")]) == 0
    assert "lam-nb:" not in capsys.readouterr().err
    assert cli.main([*common, "--image", str(photo), "--downscale", "--out", str(tmp_path / "old.nc")]) == 0
    assert "lam-nb: --downscale is --truth PHOTOGRAPH now; the old way ends with" in capsys.readouterr().err
    new, old = lam.open(tmp_path / "new.nc"), lam.open(tmp_path / "old.nc")
    assert (new.attribution == old.attribution).all() and "psnr" in new and "psnr" not in old
    assert new.attrs["image"] == "photo.png" and new.attrs["downscaling"] == old.attrs["downscaling"]


def test_the_truth_is_cropped_as_the_input_is(tmp_path, capsys):
    sharp = lam.images.sample("bricks")[:, :103, :122]
    lam.images.to_pillow(sharp).save(tmp_path / "odd.png")
    command = ["attribute", "--network", "fsrcnn", "--truth", str(tmp_path / "odd.png"), "--region", "40,60,16"]
    assert cli.main([*command, "--steps", "3", "--out", str(tmp_path / "odd.nc")]) == 0
    found = lam.open(tmp_path / "odd.nc")
    assert (found.reference.values == sharp[:, :100, :120].numpy()).all() and float(found.psnr) > 20


def test_old_words_do_what_the_new_ones_do_and_say_so(capsys):
    for words, name, value in (
        (["causal", *"--network n --truth t --region r --tolerance 2".split()], "threshold", 2.0),
        (["explore", "--network", "rfdn", "--network", "fsrcnn"], "networks", "rfdn,fsrcnn"),
        (["lab", "mine"], "folder", "mine"),
    ):
        assert vars(cli._parser(words).parse_args(words))[name] == value
        assert "the old way ends with version" in capsys.readouterr().err
    assert vars(cli._parser(["lab"]).parse_args(["lab"]))["folder"] == "lam-notebooks"
    assert not capsys.readouterr().err


def test_represent_keeps_and_shows(tmp_path, capsys):
    for name in ("bricks", "cat"):
        lam.images.to_pillow(lam.images.sample(name)[:, :64, :80]).save(tmp_path / f"{name}.png")
    command = ["represent", "--network", "fsrcnn", "--images", str(tmp_path), "--blur", "2", "--components", "2"]
    out, page = tmp_path / "know.nc", tmp_path / "know.html"
    assert cli.main([*command, "--perplexity", "2", "--out", str(out), "--html", str(page)]) == 0
    assert "by degradation" in capsys.readouterr().out
    assert lam.open(out).sizes["component"] == 2 and page.stat().st_size > 1e6


def test_other_programs_are_told_in_json(capsys):
    causal = "causal --network fsrcnn --truth facade --region 160,184,32 --block 16 --fine 2 --json"
    assert cli.main(causal.split()) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert found["effect_max"] > 0 and (found["metric"], found["block"]) == ("psnr", 16)
    assert cli.main(["networks", "fsrcnn", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["name"], found["where"]) == ("fsrcnn", "comes along")
    assert cli.main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["lam-nb"] == lam.__version__


def test_a_reader_that_has_enough_ends_it_quietly():
    command = f"{sys.executable} -m lam_nb.cli networks | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "carn-m" in done.stdout and not done.stderr

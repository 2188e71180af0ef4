"""Every verb, called in all its ways on a small network: for other devices, for threads."""

import copy

import torch
from torch import nn

import lam_nb as lam
from lam_nb import images, networks
from lam_nb.engine.running import Leased

QUIET = {"progress": False}
WINDOW = lam.Region(16, 20, height=6, width=8)


def fresh(**settings):
    """A network that nobody has asked anything: what was found out on the CPU must not hide what fails elsewhere."""
    torch.manual_seed(7)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1)]
    return networks.wrap(nn.Sequential(*layers, nn.PixelShuffle(2)), scale=2, name="toy", check=False, **settings)


def reaching(name, reach=3):
    """Sees `reach` pixels, and one bright pixel strongly: nothing of it depends on the weights' luck."""
    torch.manual_seed(reach)
    layers = [nn.Conv2d(3, 8, reach, padding=reach // 2), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1)]
    return networks.wrap(nn.Sequential(*layers, nn.PixelShuffle(2)), scale=2, name=name, check=False)


TRUTH = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))


def attributed(**settings):
    return lambda n, i, d: lam.attribute(n, i, WINDOW, **settings, device=d, **QUIET)


def caused(**settings):
    given = {"reference": TRUTH, "block": 5, "fine": 3, **settings}
    return lambda n, i, d: lam.causal_effect(n, i, WINDOW, **given, device=d, **QUIET)


BLUR = {"blur": images.Blur(1.5)}
FEW = {"patches": 8, "components": 4, "size": 8, "draws": 3}


def doubled(image):
    return image.repeat_interleave(2, 1).repeat_interleave(2, 2)


def known(n, i, d):
    return lam.representations(n, [doubled(i), doubled(i).flip(2)], BLUR, components=2, device=d, **QUIET)


def filtered(n, i, d):
    clean = [doubled(i), doubled(i).flip(2)]
    return lam.filters(n, other(n), clean, BLUR, steps=3, batch=2, device=d, **QUIET)


def other(network):
    """One of its kind, whose parameters all lie elsewhere."""
    with Leased(network, torch.device("cpu")).lease():  # others may be inside, with weights of their own
        made = copy.deepcopy(network)
    with torch.no_grad():
        for one in made.parameters():
            one += 0.1
    return made


def curves(n, i, d):
    return lam.faithfulness.curves(n, i, WINDOW, {"g": lam.gradient(n, i, WINDOW, device="cpu")}, device=d, **QUIET)


VERBS = {
    "fixed steps": attributed(steps=6),
    "refined": attributed(keep="all"),
    "paper": attributed(rule="paper", steps=6),
    "whole": attributed(steps=4, local=False),
    "gabor": attributed(steps=3, detector="gabor"),
    "intensity": attributed(steps=3, detector="intensity"),
    "error": attributed(steps=3, detector=lam.detectors.error(TRUTH)),
    "mean path": attributed(steps=3, path="mean"),
    "own path": attributed(steps=3, path=lambda picture: lambda alpha: alpha * picture),
    "reference": attributed(steps=3, reference=TRUTH),
    "memory": attributed(steps=6, memory="1GB"),
    "regions": lambda n, i, d: lam.attribute(n, i, [WINDOW, (0, 0, 5)], device=d, **QUIET),
    "compare": lambda n, i, d: lam.compare([n, n], i, WINDOW, steps=3, reference=TRUTH, fields=True, device=d, **QUIET),
    "gradient": lambda n, i, d: lam.gradient(n, i, WINDOW, device=d),
    "input_x_gradient": lambda n, i, d: lam.input_x_gradient(n, i, WINDOW, device=d),
    "integrated_gradients": lambda n, i, d: lam.integrated_gradients(n, i, WINDOW, steps=3, device=d, **QUIET),
    "smoothgrad": lambda n, i, d: lam.smoothgrad(n, i, WINDOW, samples=3, device=d),
    "diffusion_field": lambda n, i, d: lam.diffusion_field(n, i, stride=16, steps=3, device=d, **QUIET),
    "receptive_field": lambda n, i, d: lam.receptive_field(n, [i], device=d),
    "representations": known,
    "generalisation": lambda n, i, d: lam.studies.generalisation(n, [doubled(i)], BLUR, device=d, **FEW, **QUIET),
    "filters": filtered,
    "randomised": lambda n, i, d: lam.faithfulness.randomised(n, i, WINDOW, stages=1, steps=3, device=d, **QUIET),
    "curves": curves,
    "causal_effect": caused(),
    "noise": caused(noise=0.1, metric="l1"),
    "rain": caused(finish=images.Rain(), uint8=True),
}

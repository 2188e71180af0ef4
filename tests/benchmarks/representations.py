"""What features know, beside what was published: ``python -m tests.benchmarks.representations``.

Six claims of Liu et al. (arXiv 2108.00406; SRGA: arXiv 2205.07019) put to the small networks that come along. Prints
what comes out beside each claim, whatever it is, with intervals of 95 %, and whether they lie apart; a minute on one
core. Two do not come out: (b) without a residual, adversarial training alone does not make these features gather by
degradation; (e) training on degradations does not merge them. And of (d) blur only half: its levels are in order, but
the intervals of the weakest and the strongest overlap. representations.json holds what was printed last.
"""

import lam_nb as lam
from tests.benchmarks.claims import tell

QUIET = {"progress": False}
NETWORKS = "srresnet-residual-mse", "srresnet-residual-gan", "srresnet-mse", "srresnet-gan", "srresnet-residual-robust"
BLUR, NOISE = (1, 2, 4), (0.02, 0.05, 0.1)
LEVELS = 0, 1, 2, 4, 8
INDEX = {"measure": "calinski_harabasz"}


def pictures():
    """Two pieces of each sample photograph."""
    found = {}
    for name in lam.images.samples():
        whole = lam.images.sample(name)
        found |= {f"{name} 1": whole[:, :128, :128], f"{name} 2": whole[:, -128:, -128:]}
    return found


def known(network):
    """Features of six layers, of all pieces clean, blurred and noisy."""
    blur = [(sigma, lam.images.Blur(sigma)) for sigma in BLUR]
    noise = [(sigma, lam.images.Noise(sigma)) for sigma in NOISE]
    return lam.representations(network, pictures(), {"blur": blur, "noise": noise}, components=40, **QUIET)


def ends_of(one, layer=-1):
    """The interval of the index."""
    row = one.sel(INDEX).isel(layer=layer)
    return float(row.separability_low), float(row.separability_high)


def above(one, other, what):
    """Whether an interval lies above another, in words."""
    return f"{what}: {'comes out' if one[0] > other[1] else 'does not come out, the intervals are not apart'}"


def told(one, layer=-1):
    """A measure with its interval, in words."""
    row, ends = one.sel(INDEX).isel(layer=layer), ends_of(one, layer)
    return f"{float(row.separability):.2f} [{ends[0]:.2f}, {ends[1]:.2f}], chance {float(row.chance):.2f}"


def index(ds, by="degradation", **chosen):
    return lam.statistics.separability(ds.sel(**chosen) if chosen else ds, by=by, draws=400, permutations=99)


def at(ds, name, level):
    """Samples that are clean, or degraded so much."""
    kept = (ds.degradation == "clean") | ((ds.degradation == name) & (ds.level == level))
    return ds.isel(sample=kept.values.nonzero()[0])


def findings():
    """Yield each claim and lines of what comes out."""
    every = {name: known(name) for name in NETWORKS}
    classifier = known(lam.networks.classifier())
    first, *_, plain, adversarial, robust = NETWORKS
    asked = {by: index(every[first], by) for by in ("degradation", "content")}
    lines = [f"{by}: {told(one)}" for by, one in asked.items()]
    lines.append(above(*map(ends_of, asked.values()), "degradation above content"))
    yield "(a) features gather by degradation, not by content", lines
    by = {name: index(one) for name, one in (every | {"classifier": classifier}).items()}
    lines = [f"{name}: {told(one)}" for name, one in by.items()]
    lines.append(above(ends_of(by[first]), ends_of(by[plain]), "a residual, trained on squares"))
    lines.append(above(ends_of(by[adversarial]), ends_of(by[plain]), "adversarial training without a residual"))
    yield "(b) with a residual or adversarial training, not without", lines
    deep = [f"{float(by[first].depth[k]):.2f} deep: {told(by[first], k)}" for k in range(6)]
    deep.append(above(ends_of(by[first]), ends_of(by[first], 0), "the last above the first"))
    yield "(c) the deeper, the more", deep
    lines = []
    for name, levels in (("blur", BLUR), ("noise", NOISE)):
        steps = [index(at(every[first], name, level)) for level in levels]
        lines += [f"{name} {level}: {told(one)}" for level, one in zip(levels, steps, strict=True)]
        lines.append(above(ends_of(steps[-1]), ends_of(steps[0]), f"the strongest {name} above the weakest"))
    yield "(d) the stronger, the more", lines
    merged = [f"{name}: {told(by[name])}" for name in (first, robust)]
    merged.append(above(ends_of(by[first]), ends_of(by[robust]), "trained on clean pictures above trained on degraded"))
    yield "(e) training on degradations merges them", merged
    blur = {"blur": [(sigma, lam.images.Blur(sigma) if sigma else None) for sigma in LEVELS]}
    few = {"patches": 200, "components": 100, "size": 24, "draws": 100, **QUIET}
    photographs = {name: lam.images.sample(name) for name in lam.images.samples()}
    moved = {name: lam.studies.generalisation(name, photographs, blur, **few) for name in (first, robust)}
    lines = [f"{name}, blur {LEVELS}: {one.generalisation.values.round(2).tolist()}" for name, one in moved.items()]
    for k, sigma in enumerate(LEVELS[1:], start=1):
        pair = [(float(one.generalisation_low[k]), float(one.generalisation_high[k])) for one in moved.values()]
        lines.append(above(*pair, f"blur {sigma}, trained on clean pictures above trained on degraded"))
    yield "(f) SRGA, lower is better: trained on degradations before trained on clean pictures", lines


if __name__ == "__main__":
    tell(__doc__, findings())

"""The program: what computes the same as a run, to be kept, changed and cited."""

from __future__ import annotations

from .offers import Offers
from .question import Question
from .verbs import VERBS


def program(asked: Question, offers: Offers) -> str:
    """Return the program that answers a question.

    Raises
    ------
    InputError
        If no network is chosen.

    Examples
    --------
    >>> from lam_nb import Region
    >>> print(program(Question(("fsrcnn",), "facade", False, Region(8, 12), 0), Offers(["fsrcnn"], ["facade"])))
    import lam_nb as lam
    <BLANKLINE>
    net_0 = lam.networks.load('fsrcnn')
    lr = lam.images.sample('facade')
    ds = lam.attribute(net_0, lr, lam.Region(y=8, x=12, size=16))
    lam.views.attribution(ds)
    """
    chosen = asked.chosen()
    network = offers.load(chosen[0])
    lines = ["import lam_nb as lam", ""]
    lines += [f"net_{k} = {offers.recipe(name)}" for k, name in enumerate(chosen)]
    where, verb = f"lam.{asked.region!r}{', reference=hr' if asked.is_truth else ''}", VERBS[asked.verb]
    if verb.of_all:
        lines += ["truths = {", *(_entry(name, offers.source(name, network.axes.count)) for name in asked.images), "}"]
    elif asked.is_truth:
        lines.append(f"hr = {offers.source(asked.image, network.axes.count)}")
        lines.append(f"lr = lam.images.downscale(hr, {network.scale})" if network.scale > 1 else "lr = hr")
    else:
        lines.append(f"lr = {offers.source(asked.image, network.axes.count)}")
    count = len(chosen)
    return "\n".join([*lines, f"ds = {verb.call(count, where, asked.steps)}", verb.shown(count)])


def _entry(name: str, source: str) -> str:
    code, mark, comment = source.partition("  #")
    return f"    {name!r}: {code},{mark}{comment}"

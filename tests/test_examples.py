"""Examples: every public callable shows one, which runs as a doctest."""

import doctest
import importlib
import inspect

import pytest

import lam_nb as lam
import lam_widgets
from tests.documentation import site

OURS = ("lam_nb", "lam_widgets")


def rooms():
    """The package, its public rooms and theirs, the widgets, and all rooms that the site's reference has."""
    found, todo = [], [lam, lam_widgets]
    todo += [one for one in map(importlib.import_module, site.ROOMS) if one not in todo]
    while todo:
        room = todo.pop()
        found.append(room)
        public = [getattr(room, name) for name in getattr(room, "__all__", ())]
        todo += [one for one in public if inspect.ismodule(one) and one not in found + todo]
    return found


def public_callables():
    """Name -> what can be called, each once."""
    found = {}
    for room in rooms():
        own = [key for key, one in vars(room).items() if getattr(one, "__module__", "") == room.__name__]
        for name in getattr(room, "__all__", [key for key in own if not key.startswith("_")]):
            one = getattr(room, name)
            if callable(one) and str(getattr(one, "__module__", "")).startswith(OURS):
                found.setdefault(id(one), (f"{room.__name__}.{name}", one))
    return dict(found.values())


CALLABLES = public_callables()


def test_the_walk_sees_the_house():
    names = {room.__name__ for room in rooms()}
    assert {
        "lam_nb.images",
        "lam_nb.networks.architectures",
        "lam_nb.statistics",
        "lam_nb.views",
        "lam_widgets",
    } <= names
    assert {"lam_nb.attribute", "lam_nb.cite", "lam_nb.views.publish", "lam_widgets.Explorer"} <= CALLABLES.keys()
    assert len(CALLABLES) >= 190


@pytest.mark.parametrize("name", CALLABLES)
def test_it_shows_how_it_is_used(name):
    told = inspect.getdoc(CALLABLES[name])
    section = told.partition("\nExamples\n--------\n")[2]
    assert doctest.DocTestParser().get_examples(section), name

"""What is claimed is one's, and what nobody holds any more becomes one other's."""

import json
import threading
import time

import pytest

from lam_nb.result.ledger import Claims, Place

DEAD = json.dumps({"run": "other", "host": "elsewhere", "pid": 1}).encode()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "night.zarr")


def taken(claims):
    """Have all of them try at once; return what each was told."""
    found, begun = [], threading.Barrier(len(claims))

    def take(one):
        begun.wait()
        found.append(one.take("cell"))

    threads = [threading.Thread(target=take, args=(one,)) for one in claims]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sorted(found)


def expired(place):
    place.write("claims/cell", DEAD)
    time.sleep(0.3)


@pytest.mark.parametrize("turn", range(5))
def test_of_many_who_find_it_expired_one_takes_it(place, turn):
    expired(place)
    claims = [Claims(place, f"run {k}", term=0.2) for k in range(8)]
    assert taken(claims) == [""] * 7 + ["taken"]
    assert place.names("takeovers") == []
    assert json.loads(place.read("claims/cell"))["run"].startswith("run")
    for one in claims:
        one.release()


def test_who_comes_late_does_not_take_what_another_took(place, monkeypatch):
    """One looks, another takes it over and is done with that, the first goes on: it has been too slow."""
    expired(place)
    slow, quick = Claims(place, "slow", term=0.2), Claims(place, "quick", term=0.2)
    looked = Claims.is_free

    def is_free(self, key):
        found = looked(self, key)
        if self is slow:
            assert quick.take("cell") == "taken"
        return found

    monkeypatch.setattr(Claims, "is_free", is_free)
    assert slow.take("cell") == ""
    assert json.loads(place.read("claims/cell"))["run"] == "quick"
    quick.release()


def test_what_was_given_back_meanwhile_is_new(place, monkeypatch):
    first, second = Claims(place, "first"), Claims(place, "second")
    assert first.take("cell") == "new"
    tried = Place.create

    def create(self, name, contents):
        found = tried(self, name, contents)
        first.release()
        return found

    monkeypatch.setattr(Place, "create", create)
    assert second.take("cell") == "new"
    second.release()


def test_who_died_while_taking_over_is_in_nobodys_way_for_long(place, monkeypatch):
    expired(place)
    with monkeypatch.context() as patch:
        patch.setattr(Place, "write", lambda *given: pytest.fail("killed"))
        patch.setattr(Place, "delete", lambda *given: None)
        with pytest.raises(pytest.fail.Exception):
            patch.setattr(Claims, "_is_old", lambda *given: True)
            Claims(place, "killed", term=0.2).take("cell")
    assert len(place.names("takeovers")) == 1
    late = Claims(place, "late", term=0.2)
    time.sleep(0.3)
    assert [late.take("cell"), late.take("cell")] == ["", "taken"]
    assert place.names("takeovers") == []
    late.release()

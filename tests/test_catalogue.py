"""Published networks are known by name and by what their files hold; what has no address is told how to get."""

import dataclasses

import pytest
import torch

from lam_nb import InputError, cli, identity, networks
from lam_nb.networks import architectures, catalogue, published


def test_the_catalogue_is_whole():
    every = list(catalogue.entries().values())
    assert len(every) == len({one.sha256 for one in every}) == 92
    assert all(len(one.sha256) == 64 and one.bytes > 0 and one.scale >= 1 and one.licence for one in every)
    assert all(one.address or one.page for one in every)
    assert {name for name in catalogue.entries()} < set(networks.PUBLISHED)


def test_words_find_entries():
    assert {one.scale for one in catalogue.search("2x swinir")} == {2}
    assert not catalogue.search("no such thing")


def test_what_has_no_address_is_told_how_to_get(tmp_path, monkeypatch):
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"no address to download from; get it by hand from https://.*4x-DAT\.pth"):
        networks.load("4x-DAT")


def test_words_that_only_one_has_are_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path))
    monkeypatch.setenv("LAM_NB_MIRROR", str(tmp_path))
    for short, whole in (
        ("swinir-m-x4-df2k", "4x-classicalsr-df2k-s64w8-swinir-m"),
        ("DAT x4", "4x-dat"),
        ("omnisr_2x_div2k", "2x-omnisr-div2k"),
    ):
        assert catalogue.named(short) == whole
        with pytest.raises(InputError, match=f"network '{whole}'.*could not be downloaded"):
            networks.load(short)
        assert networks.source(short) == {"file": catalogue.entries()[whole].sha256}
    words = r"'swinir-x8' could be 8x-classicalsr-df2k.*, 8x-classicalsr-div2k.*say which"
    with pytest.raises(InputError, match=words):
        networks.load("swinir-x8")


def test_a_file_got_by_hand_that_is_another_is_kept_beside(tmp_path, monkeypatch):
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path))
    file = tmp_path / published.PUBLISHED["4x-dat"].file
    file.write_bytes(b"something else")
    with pytest.raises(InputError, match=rf"not the published one and now is {file.name}\.bad"):
        networks.load("4x-DAT")
    assert not file.exists() and (tmp_path / f"{file.name}.bad").read_bytes() == b"something else"


def test_a_name_that_is_nearly_right_is_asked_back():
    with pytest.raises(InputError, match=r"`lam-nb networks` lists \d+.*did you mean '4x-dat'"):
        networks.load("4x-datt")


def test_a_file_is_known_by_what_it_holds(tmp_path, monkeypatch):
    path = tmp_path / "renamed.pth"
    torch.manual_seed(0)
    torch.save(architectures.build("fsrcnn", width=8, inner=4, blocks=1).state_dict(), path)
    one = next(iter(catalogue.entries().values()))
    entry = dataclasses.replace(
        one, name="4x-Known", sha256=identity.of_file(path), bytes=path.stat().st_size, author="somebody"
    )
    monkeypatch.setitem(catalogue.entries(), "4x-known", entry)
    net = networks.load(path, check=False)
    assert net.about["published_as"] == "4x-Known" and net.about["author"] == "somebody" and "OpenModelDB" in net.card


def test_the_command_lists_and_searches(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path))
    (tmp_path / published.PUBLISHED["4x-dat"].file).touch()
    assert cli.main(["networks"]) == 0
    told = capsys.readouterr().out
    assert "rfdn" in told and "comes along" in told and "to download" in told and "by hand: https" in told
    assert cli.main(["networks", "4x-dat", "cache"]) == 0
    assert capsys.readouterr().out.startswith("4x-DAT ")

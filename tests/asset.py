"""What tests compare with, as a file that may be passed on: ``python -m tests.asset SHARED --out FOLDER``.

Packs reference results, facts, and the weights whose licence lets them travel (MIT: RFDN, CARN-M, with their licences)
into one file, the same bytes each time, and prints its SHA-256. It is an asset of a release; ``LAM_NB_TEST_DATA=fetch``
has the tests download it, ``LAM_NB_TEST_DATA=http://…`` from a mirror, ``LAM_NB_TEST_DATA=FOLDER`` names what is there.
SHA256SUMS in it lists everything that tests can use, also what is not in it: who has those files puts them beside.
"""

import argparse
import hashlib
import pathlib
import zipfile

import pooch
import pytest

from lam_nb._moved import variable

NAME = "lam-nb-test-data-1.zip"
ADDRESS = f"https://github.com/lam-nb/lam-nb/releases/download/test-data-1/{NAME}"
SHA256 = "9bca8a86d0e174bf18fec41663b02328a85b0c02dff06964684b2fa3aec1c136"
SUMS = "SHA256SUMS"
MAY_TRAVEL = (
    "data/published_models.csv",
    "data/weights/LICENSE-CARN.txt",
    "data/weights/LICENSE-RFDN.txt",
    "data/weights/RFDN_AIM.pth",
    "data/weights/carn_m.pth",
    "golden/architectures.json",
    "golden/lam_demo.json",
    "golden/lam_demo.npz",
)
HOW = "LAM_NB_TEST_DATA=fetch downloads what may be passed on, CONTRIBUTING.md tells of the rest"
_DAY = (1980, 1, 1, 0, 0, 0)
_WHERE = {
    "data/images/lam": "the demo of the method by its authors, github.com/X-Lowlevel-Vision",
    "data/weights": "their authors, whom lam_nb.networks.PUBLISHED names",
}


class Asset(type(pathlib.Path())):
    """A folder that lacks files: a test that asks for one is skipped, and told where it is from."""

    def __truediv__(self, name):
        place = super().__truediv__(name)
        if not place.exists():
            told = next((f"; get it from {words}" for part, words in _WHERE.items() if part in place.as_posix()), "")
            pytest.skip(f"needs {place}, which may not be passed on{told}; {SUMS} has its hash")
        return place


def folder(setting=None):
    """Return where the data are: what LAM_NB_TEST_DATA says, else ../shared; it need not exist."""
    setting = variable("LAM_NB_TEST_DATA") if setting is None else setting
    if not setting:
        place = pathlib.Path(variable("LAM_NB_SHARED") or pathlib.Path(__file__).parents[2] / "shared")
    elif setting == "fetch":
        place = fetched(ADDRESS)
    elif setting.startswith(("http://", "https://")):
        place = fetched(setting)
    else:
        place = pathlib.Path(setting).expanduser().absolute()
    return Asset(place) if (place / SUMS).is_file() else place


def fetched(address, known=None, cache=None):
    """Return the folder of the asset, downloaded once, and used only if its hash is right."""
    cache = cache or variable("LAM_NB_CACHE") or pooch.os_cache("lam-nb")
    hashed, unpack = f"sha256:{known or SHA256}", pooch.Unzip(extract_dir=NAME.removesuffix(".zip"))
    files = pooch.retrieve(address, hashed, fname=NAME, path=cache, processor=unpack, progressbar=False)
    return next(pathlib.Path(file).parent for file in files if pathlib.Path(file).name == SUMS)


def packed(shared, out):
    """Write the asset; return its address on disk."""
    shared = pathlib.Path(shared)
    every = sorted(path for part in ("data", "golden") for path in (shared / part).rglob("*") if path.is_file())
    sums = "".join(f"{digest(path)}  {path.relative_to(shared).as_posix()}\n" for path in every)
    target = pathlib.Path(out) / NAME
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:  # stored: another zlib would give other bytes
        for name, content in [(SUMS, sums.encode()), *((name, (shared / name).read_bytes()) for name in MAY_TRAVEL)]:
            entry = zipfile.ZipInfo(name, _DAY)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is made
            made.writestr(entry, content)
    return target


def digest(path):
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", help="folder with data/ and golden/")
    parser.add_argument("--out", default=".")
    given = parser.parse_args()
    made = packed(given.shared, given.out)
    print(f"{digest(made)}  {made}, {made.stat().st_size / 1e6:.1f} MB")

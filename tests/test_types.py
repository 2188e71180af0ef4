import pytest

from lam_nb import InputError, Region
from lam_nb.types import choose


def test_region_knows_its_low_resolution_footprint():
    assert Region(110, 150, 16).footprint(4) == (slice(27, 32), slice(37, 42))
    assert Region(8, 12, 8).footprint(4) == (slice(2, 4), slice(3, 5))


def test_region_is_a_value():
    assert Region(1, 2) == Region(y=1, x=2, size=16)
    with pytest.raises(AttributeError):
        Region(1, 2).y = 3


@pytest.mark.parametrize("bad", [(-1, 0, 16), (0, 0, 0), (0, 0, -4), (0.5, 0, 16), ("1", 0, 16), (True, 0, 16)])
def test_region_refuses_bad_numbers(bad):
    with pytest.raises(InputError, match=r"region\.(y|x|size): got .*expected a whole number"):
        Region(*bad)


def test_region_outside_the_output_says_where():
    with pytest.raises(InputError, match=r"region \(y=240, x=8, 16 × 16\) leaves the output, which is 192 × 256"):
        Region(240, 8).check(192, 256)


@pytest.mark.parametrize("text", ["", "1", "1,2,3,4,5", "a,b,c", "1;2"])
def test_region_text_must_be_numbers(text):
    with pytest.raises(InputError, match="expected y,x,size"):
        Region.parse(text)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'paper'"):
        choose("rule", "papr", ["arc", "paper"])


@pytest.mark.parametrize("bad", [5, "middle", None, [1], [1, 2, 3, 4, 5], {"y": 1}])
def test_what_is_no_region_is_said(bad):
    with pytest.raises(InputError, match=r"region: got .* expected lam_nb\.Region"):
        Region.of(bad)

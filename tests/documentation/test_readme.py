"""The README in two languages: the same headings, commands, code, pictures and links."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
LINK = r"\]\(([^)\s]+)\)"


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


SAME = {
    "levels of headings": lambda text: re.findall(r"^(#+) ", without_code(text), re.M),
    "code": lambda text: re.findall(r"^```(.*?)^```$", text, re.M | re.S),
    "commands": lambda text: re.findall(r"<!-- (command \w+) -->", text),
    "links": lambda text: re.findall(LINK, text),
    "names": lambda text: sorted(re.findall(r"`([^`\n]+)`", without_code(text))),
    "items": lambda text: len(re.findall(r"^- ", without_code(text), re.M)),
}


@pytest.mark.parametrize("what", SAME)
def test_languages_are_in_step(what):
    of = SAME[what]
    assert of(ENGLISH)
    assert of(CHINESE) == of(ENGLISH)


def test_a_change_in_one_language_is_seen():
    for what, changed in (
        ("code", ENGLISH.replace("size=16", "size=8")),
        ("links", ENGLISH.replace("docs/start.md", "docs/begin.md")),
        ("levels of headings", ENGLISH.replace("## Cite", "### Cite")),
        ("commands", ENGLISH.replace("<!-- command two -->", "")),
    ):
        assert SAME[what](changed) != SAME[what](ENGLISH)


def test_chinese_is_chinese_all_through():
    prose = re.sub(r"\(.*?\)|`.*?`", "", without_code(CHINESE))
    long = [line for line in prose.splitlines() if len(line) > 30]
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in long)


def test_it_is_read_in_a_minute():
    assert len(without_code(ENGLISH).split()) < 450
    assert ENGLISH.count("![") == 1

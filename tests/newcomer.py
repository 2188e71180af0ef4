"""The first two minutes of a newcomer, with a picture after each step: ``python -m tests.newcomer FOLDER``.

Opens the Explorer, runs it, drags the window, compares another network, scrubs and exports; in JupyterLab and as
``lam-nb explore``, in light and dark, and 400 px wide. Prints seconds from step to step; ends at what does not work.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import conftest as tools

CELL = "import lam_widgets\nlam_widgets.Explorer()"
LOOKS = {"light": (1400, "light"), "dark": (1400, "dark"), "phone": (400, "light"), "phone, dark": (400, "dark")}
PATIENCE = 120_000


class Newcomer:
    """Somebody who sees it for the first time; takes a picture of every step."""

    def __init__(self, page, name, folder):
        self.page, self.name, self.folder = page, name, folder
        self.count, self.last = 0, time.perf_counter()

    def sees(self, what):
        """Take a picture, and say how long it took to get here."""
        self.count += 1
        seconds, self.last = time.perf_counter() - self.last, time.perf_counter()
        self.page.wait_for_timeout(400)
        self.page.screenshot(path=self.folder / f"{self.name} {self.count} {what}.png")
        print(f"{self.name:<24} {what:<12} {seconds:6.1f} s", flush=True)
        self.last = time.perf_counter()

    def presses(self, words):
        self.page.locator(".lam-explorer button", has_text=re.compile(rf"^\s*{words}\s*$")).first.click()

    def runs(self):
        """Press Run, and wait until it says that it has begun."""
        self.presses("Run")
        self.page.wait_for_selector(".lam-explorer button:has-text('Cancel'):enabled")

    def is_done(self):
        self.page.wait_for_selector(".lam-message:has-text('done in')", timeout=PATIENCE)

    def explores(self):
        """Go the whole way."""
        page = self.page
        page.wait_for_selector(".lam-box", timeout=PATIENCE)
        page.wait_for_selector(".lam-catalogue tbody tr")
        self.sees("opens")
        self.runs()
        page.wait_for_selector(".lam-message:has-text('preview'), .lam-message:has-text('done in')", timeout=PATIENCE)
        self.sees("first map")
        self.is_done()
        page.wait_for_selector(".lam-explorer .js-plotly-plot:visible", timeout=PATIENCE)
        page.wait_for_timeout(1500)  # a figure is drawn anew when it has its width
        page.locator(".lam-explorer .lm-TabBar").scroll_into_view_if_needed()
        self.sees("map")
        box = page.locator(".lam-box")
        box.scroll_into_view_if_needed()
        place = box.bounding_box()
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 40, y - 60, steps=12)
        page.wait_for_selector(".lam-glimpse:visible", timeout=PATIENCE)
        page.mouse.up()
        page.wait_for_selector(".lam-stale:has-text('out of date')", timeout=PATIENCE)
        self.sees("drags")
        page.get_by_label("search networks").fill("wide")
        page.get_by_label("choose residual-wide").check()
        self.runs()
        self.is_done()
        self.sees("compares")
        page.locator(".lam-explorer .lm-TabBar-tab", has_text="Integration").click()
        slider = page.locator(".lam-comparison .lam-slider")
        slider.wait_for(timeout=PATIENCE)
        slider.focus()
        slider.press("Home")
        page.wait_for_selector(".lam-comparison[data-step='0']")
        slider.scroll_into_view_if_needed()
        self.sees("scrubs")
        page.locator(".lam-explorer .lm-TabBar-tab", has_text="Export").click()
        button = page.locator(".lam-files button", has_text=".zip")
        with page.expect_download(timeout=PATIENCE) as saved:
            button.click()
        saved.value.save_as(self.folder / saved.value.suggested_filename)
        button.scroll_into_view_if_needed()
        self.sees("exports")


@contextlib.contextmanager
def lab(folder, dark=False):
    """Run JupyterLab with a notebook of one cell; who opens it makes it dark."""
    options = ["--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={folder}"]
    with tools.serving(folder, "jupyterlab", "/api/status", *options, "--allow-root") as address:
        yield address


def opens_lab(page, address, dark, folder):
    """Open a notebook, run its cell, and hide what is beside it."""
    tools.written(folder / "first.ipynb", CELL)
    page.goto(f"{address}/lab/tree/first.ipynb?reset")
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=PATIENCE)
    page.set_viewport_size({"width": 1400, "height": 1000})
    theme = "JupyterLab Dark" if dark else "JupyterLab Light"
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator("li.lm-Menu-item", has_text="Theme").first.hover()
    page.locator("li.lm-Menu-item", has_text=re.compile(f"^{theme}$")).click()
    page.wait_for_function(f"document.body.dataset.jpThemeName == {theme!r}")
    page.keyboard.press("Control+b")
    tools._run_all(page)


@contextlib.contextmanager
def application(folder, dark=False):
    """Run ``lam-nb explore`` and give its address."""
    command = [sys.executable, "-m", "lam_nb.cli", "explore", "--no-browser", f"--port={tools._free_port()}"]
    command += ["--dark"] if dark else []
    log = folder / "explore.log"
    with log.open("w") as told:
        environment = {**os.environ, "LAM_NB_CACHE": str(folder / ".cache")}
        server = subprocess.Popen(command, cwd=folder, stdout=told, stderr=told, env=environment)
    try:
        while not (found := re.search(r"http://\S+token=\w{20,}", log.read_text())):
            time.sleep(0.2)
        yield found[0]
    finally:
        server.terminate()
        server.wait(30)


PLACES = {"lab": lab, "explore": application}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--where", choices=PLACES, action="append", help="only there")
    parser.add_argument("--look", choices=LOOKS, action="append", help="only these")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=tools._chromium(), args=tools.FLAGS)
        for where in given.where or PLACES:
            for look in given.look or LOOKS:
                width, scheme = LOOKS[look]
                with PLACES[where](Path(place), scheme == "dark") as address:
                    page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
                    page.set_default_timeout(PATIENCE)
                    somebody = Newcomer(page, f"{where} {look}", given.folder)
                    if where == "lab":
                        opens_lab(page, address, scheme == "dark", Path(place))
                        page.set_viewport_size({"width": width, "height": 1000})
                    else:
                        page.goto(address)
                    somebody.explores()
                    page.close()
        browser.close()


if __name__ == "__main__":
    main()

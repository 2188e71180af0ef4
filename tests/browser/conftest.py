"""A real Chromium, and a real JupyterLab with a real kernel."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from lam_nb._moved import variable

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def _chromium():
    named = variable("LAM_NB_CHROMIUM")
    return named or next((found for name in CANDIDATES if (found := shutil.which(name))), None)


def pytest_collection_modifyitems(items):
    """Without Chromium browser tests are skipped on a user's machine and fail in CI."""
    for item in items:
        if pathlib.Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not (_chromium() or os.environ.get("CI")):
                item.add_marker(pytest.mark.skip(reason="needs Chromium; install it or set LAM_NB_CHROMIUM"))


SLOW = "[anywidget] Failed to initialize model."
"""It gives a widget's module two seconds to load, which a busy machine may not have; that widgets show, tests see."""


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def errors():
    """What the page's console complained about."""
    return []


def _is_wrong(message):
    return message.type == "error" and "maplibre-gl" not in message.location["url"]  # of a notebook's plotly 5.24


@pytest.fixture
def page(browser, errors, request):
    """A page that fails the test on any error in its console."""
    opened = browser.new_page(viewport={"width": 1200, "height": 1000})
    opened.set_default_timeout(90_000)  # a machine may have other things to do
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if _is_wrong(message) else None)
    yield opened
    if folder := variable("LAM_NB_SCREENSHOTS"):
        opened.screenshot(path=pathlib.Path(folder) / f"{request.node.name}.png")
    opened.close()
    assert not errors, errors


@pytest.fixture
def busy(page, errors):
    """Many widgets open at once, beside figures: that a module took long is no error of theirs."""
    yield
    errors[:] = [one for one in errors if SLOW not in one]


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Folder and address of a running JupyterLab."""
    root = tmp_path_factory.mktemp("lab")
    options = ["--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={root}"]
    options += ["--ServerApp.disable_check_xsrf=True", "--allow-root"]  # sessions are asked for without a page
    with serving(root, "jupyterlab", "/api/status", *options) as address:
        yield root, address


@contextlib.contextmanager
def serving(root, module, ready, *options):
    """Run a server as ``python -m module`` and give its address."""
    port = _free_port()
    configuration = root / ".jupyter" / "labconfig"
    configuration.mkdir(parents=True, exist_ok=True)
    (configuration / "page_config.json").write_text(json.dumps({"disabledExtensions": {ANNOUNCEMENTS: True}}))
    command = [sys.executable, "-m", module, "--no-browser", f"--port={port}", *options]
    command += [] if module == "voila" else ["--ip=127.0.0.1", "--ServerApp.port_retries=0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "JUPYTER_CONFIG_DIR": str(root / ".jupyter")}
    environment["LAM_NB_CACHE"] = str(root / ".cache")
    log = (root / f"{module}.log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}{ready}", server, root / f"{module}.log")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def written(path, *cells):
    """Write a notebook of the given cells."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
    )
    nbformat.write(made, path)


@pytest.fixture
def notebook(lab, page, errors):
    """Open a notebook of the given cells with a kernel of its own, run them all, and return the page."""
    root, address = lab
    with _session(address, "test.ipynb"):

        def run(*cells):
            written(root / "test.ipynb", *cells)
            page.goto(f"{address}/lab/tree/test.ipynb?reset")
            page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
            page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=120_000)
            if _run_all(page) > 1:  # its kernel was lost, before anything was shown
                print((root / "jupyterlab.log").read_text()[-4000:])
                errors[:] = [one for one in errors if "Canceled future" not in one]
            return page

        yield run


@contextlib.contextmanager
def _session(address, name):
    """A kernel for a notebook before its page opens: so the lab has nothing to ask, and tests share no state."""
    asked = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
    session = _ask("POST", f"{address}/api/sessions", asked)
    try:
        yield
    finally:
        for _ in range(20):  # a kernel that restarts just now cannot be ended yet
            with contextlib.suppress(urllib.error.HTTPError):
                _ask("DELETE", f"{address}/api/sessions/{session['id']}")
                break
            time.sleep(0.5)


def _ask(method, address, content=None):
    request = urllib.request.Request(address, json.dumps(content).encode() if content else None, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or "null")


def _run_all(page):
    """Run every cell until the first is done; return how often that was asked for: a lab may not hear, or lose it."""
    for attempt in range(1, 7):
        if page.locator(".jp-Dialog .jp-mod-accept").count():
            page.locator(".jp-Dialog .jp-mod-accept").click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator("li.lm-Menu-item[data-command='runmenu:run-all']").click()
        for waited in range(240):
            page.wait_for_timeout(500)
            prompt = page.locator(".jp-InputPrompt").first.inner_text()
            if re.search(r"\d", prompt):
                return attempt
            if "*" not in prompt and waited > 10:
                break
    raise AssertionError("the notebook did not run")


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _wait_for(address, server, log):
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except urllib.error.HTTPError:  # it answers
            return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(log.read_text())

"""JupyterLab in a real browser: the first three notebooks run from the menu, plots and sliders show, a slider moves.

Outside the default test command: `make test-browser`. It needs Chromium and its driver. Screenshots go to the folder that
`ORDERS_ES_SCREENSHOTS` names, or stay in pytest's temporary folder.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

webdriver = pytest.importorskip("selenium.webdriver")

from selenium.webdriver.common.by import By  # noqa: E402 - only with selenium
from selenium.webdriver.common.keys import Keys  # noqa: E402 - as above

ROOT = Path(__file__).parents[2]
PATIENCE = 120


def wait_for(condition, what, seconds=PATIENCE):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A copy of what the notebooks need: those of the project stay as they are."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "data", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def lab(folder):
    """The address of a server started as `make lab` starts it, but for the browser, the port and the token."""
    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", "notebooks", "--no-browser", "--allow-root"]
    settings = ["--ServerApp.port=0", "--IdentityProvider.token=", "--ServerApp.password=", "--LabApp.news_url="]
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IPYTHONDIR": str(folder / "ipython")}
    with (folder / "server.log").open("w") as said:
        server = subprocess.Popen([*command, *settings], cwd=folder, env=environment, stdout=said, stderr=said)
        try:
            info = wait_for(lambda: next((folder / "runtime").glob("jpserver-*.json"), None), "the server", 60)
            yield json.loads(info.read_text())["url"].rstrip("/")
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture
def browser(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1300,1500"):
        options.add_argument(f"--{flag}")
    for flag in ("no-first-run", "disable-background-networking", "disable-component-update", "disable-sync"):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    driver = shutil.which("chromedriver")
    if not driver or not options.binary_location:
        pytest.fail("there is no Chromium with its driver here: apt install chromium chromium-driver")
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as browser:
        yield browser


@pytest.fixture
def shoot(browser, tmp_path):
    place = Path(os.environ.get("ORDERS_ES_SCREENSHOTS", tmp_path))
    place.mkdir(parents=True, exist_ok=True)
    return lambda name: browser.save_screenshot(str(place / f"{name}.png"))


def kernel_of(lab, name):
    with urllib.request.urlopen(f"{lab}/api/sessions") as answer:
        sessions = json.load(answer)
    return next((session["kernel"] for session in sessions if session["path"].endswith(name)), None)


def click(browser, selector, text):
    def clicked():
        for element in browser.find_elements(By.CSS_SELECTOR, selector):
            if element.is_displayed() and element.text.strip() == text:
                element.click()
                return True
        return False

    wait_for(clicked, f"{text!r} to click on", 60)


def run_all(browser, lab, name, folder):
    """Open a notebook, run it from the menu, save it, and give it as it then is on the disk."""
    browser.get(f"{lab}/lab/tree/{name}?reset")
    wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-Cell"), "the cells")
    wait_for(lambda: (kernel_of(lab, name) or {}).get("execution_state") == "idle", "a kernel")
    click(browser, ".lm-MenuBar-itemLabel", "Run")
    click(browser, ".lm-Menu-itemLabel", "Run All Cells")
    time.sleep(2)
    file = folder / "notebooks" / name
    before = file.stat().st_mtime_ns

    def idle():
        return (kernel_of(lab, name) or {}).get("execution_state") == "idle"

    def ended():
        if not idle():
            return False
        time.sleep(1.5)
        return idle()

    wait_for(ended, "the last cell")
    click(browser, ".lm-MenuBar-itemLabel", "File")
    click(browser, ".lm-Menu-itemLabel", "Save Notebook")
    wait_for(lambda: file.stat().st_mtime_ns > before, "the saved file", 30)
    time.sleep(1)
    return nbformat.read(file, 4)


def outputs_of(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("name", ["01_quickstart", "02_any_moment", "03_projection_lag"])
def test_it_runs_from_the_menu(browser, lab, folder, shoot, name):
    notebook = run_all(browser, lab, f"{name}.ipynb", folder)
    shoot(f"{name}-top")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = outputs_of(notebook)
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    if name != "01_quickstart":
        assert any("image/png" in output.get("data", {}) for output in outputs)
        picture = scroll_to(browser, ".jp-OutputArea img")
        assert browser.execute_script("return arguments[0].naturalWidth", picture) > 300
        shoot(f"{name}-plot")


def scroll_to(browser, selector):
    """An element that shows once it has been scrolled to: cells outside the window are not in the page."""
    pane = wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, ".jp-WindowedPanel-outer"), "the notebook")[0]
    for step in range(80):
        browser.execute_script("arguments[0].scrollTop = arguments[1]", pane, step * 400)
        time.sleep(0.25)
        found = [element for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]
        if found:
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[0])
            time.sleep(0.5)
            return found[0]
    raise AssertionError(f"there is no {selector} in the notebook")


def test_the_slider_moves_the_picture(browser, lab, folder, shoot):
    run_all(browser, lab, "02_any_moment.ipynb", folder)
    handle = scroll_to(browser, ".jupyter-widgets .noUi-handle")
    picture = scroll_to(browser, ".jupyter-widgets img")
    before, said = picture.get_attribute("src"), handle.get_attribute("aria-valuetext")
    shoot("slider-before")
    handle = browser.find_elements(By.CSS_SELECTOR, ".jupyter-widgets .noUi-handle")[0]
    handle.send_keys(Keys.ARROW_LEFT * 3)
    wait_for(lambda: picture.get_attribute("src") != before, "another picture", 30)
    assert handle.get_attribute("aria-valuetext") != said
    shoot("slider-after")

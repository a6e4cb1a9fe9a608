"""The README's picture of a report, in light and dark: docs/report-light.png, docs/report-dark.png.

    alignscore score examples/examples.jsonl --report report.html
    python tools/report_picture.py report.html

Needs chromium and chromedriver. Opens one example and the evidence of one of its sentences.
"""

from __future__ import annotations

import argparse
import base64
import shutil
from pathlib import Path

from selenium import webdriver

DOCS = Path(__file__).resolve().parents[1] / "docs"
WIDTH, HEIGHT = 1000, 1100
SEARCHED = "flood-news/wrong"
OPENING = """
const box = document.querySelector('input[type=search], input');
box.value = arguments[0];
box.dispatchEvent(new Event('input', {bubbles: true}));
"""
CHOOSING = """
const examples = [...document.querySelectorAll('button[id^=example-]')];
const shown = examples.filter(one => one.offsetParent);
shown.at(-1).click();
"""


def open_browser() -> webdriver.Chrome:
    """Headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    return webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver") or "")
    )


def picture(browser: webdriver.Chrome, report: Path, scheme: str) -> bytes:
    """A PNG of the report with one example open."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(report.resolve().as_uri())
    browser.execute_script(OPENING, SEARCHED)
    browser.execute_script(CHOOSING)
    browser.execute_script("window.scrollTo(0, 0)")
    found = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return base64.b64decode(found["data"])


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("report", type=Path)
    report = parser.parse_args().report
    browser = open_browser()
    try:
        for scheme in ("light", "dark"):
            (DOCS / f"report-{scheme}.png").write_bytes(picture(browser, report, scheme))
    finally:
        browser.quit()


if __name__ == "__main__":
    main()

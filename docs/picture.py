"""Takes the README's picture of a report: `make docs` runs it after `make report CLIENT=cdnow`."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from crmlab.contract import InputError
from crmlab.report import pdf

HERE = Path(__file__).parent
SIZE = {"width": 1120, "height": 1240}


def take(page: Path, target: Path) -> None:
    """The top of a report as a reader sees it, in light colours."""
    chromium = pdf.browser()
    if chromium is None:
        raise InputError(f"no Chromium, Chrome or Edge is installed to take the picture with; {pdf.VARIABLE} names one")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(viewport=SIZE, color_scheme="light")
        opened.goto(page.resolve().as_uri())
        opened.screenshot(path=target, animations="disabled")
        browser.close()


if __name__ == "__main__":
    reports = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "reports"
    (latest, *_earlier) = sorted((reports / "cdnow").glob("*/value_analysis.html"), reverse=True)
    take(latest, HERE / "report.png")

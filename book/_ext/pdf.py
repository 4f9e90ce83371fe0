"""The book as one PDF: each page of the built site, printed by headless Chromium, in reading order.

``python book/_ext/pdf.py _build/html _build/book.pdf``
"""

import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAPER = {"format": "A4", "margin": {side: "18mm" for side in ("top", "bottom", "left", "right")}}


def page_names():
    """The pages of the book in the order of ``_toc.yml``."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *chapters]


def print_page(browser, source, target):
    """Print one page and return its title."""
    page = browser.new_page(color_scheme="light")
    page.goto(source.resolve().as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.evaluate("document.fonts.ready")
    page.pdf(path=target, **PAPER)
    title = page.title().split(" — ")[0]
    page.close()
    return title


def main(site, target):
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    book = PdfWriter()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for number, name in enumerate(page_names()):
            part = Path(scratch) / f"{number}.pdf"
            title = print_page(browser, Path(site) / f"{name}.html", part)
            start = len(book.pages)
            book.append(PdfReader(part), import_outline=False)
            book.add_outline_item(title=title, page_number=start)
            print(f"{title}: {len(book.pages) - start} pages")
        browser.close()
    book.write(target)
    print(target)


if __name__ == "__main__":
    main(*sys.argv[1:])

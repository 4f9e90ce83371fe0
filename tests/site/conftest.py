"""What the tests of the site share: the pages of the book, a server for them and a browser."""

import collections
import contextlib
import functools
import http.server
import os
import shutil
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from sphinx_external_toc.parsing import parse_toc_yaml

# with importmode=importlib the tests find no module beside them
sys.path.insert(0, str(Path(__file__).parent))
from explorables import DRAWN  # noqa: E402

ROOT = Path(__file__).parents[2]
PAGES = list(parse_toc_yaml(ROOT / "_toc.yml"))
CHAPTERS = [page for page in PAGES if "{code-cell}" in (ROOT / f"{page}.md").read_text("utf-8")]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
EXPLORABLE = """<!doctype html>
<html lang="en" data-theme="light">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>test</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/explorables/explorables.css">
<style>body {{ margin: 16px; font: 16px/1.5 sans-serif }}</style>
<figure class="explorable" {data}>
<p class="explorable-alt">What the figure shows.</p>
<div class="explorable-stage"></div>
<figcaption>Drag the point.</figcaption>
</figure>
<p id="after">The text after the figure.</p>
"""
LOADER = '<script type="module" src="/explorables/loader.js"></script>'


@pytest.fixture(scope="session", params=PAGES)
def name(request):
    """Each page of the table of contents, as Sphinx names it: the path without its ending."""
    return request.param


@pytest.fixture(scope="session", params=CHAPTERS)
def chapter(request):
    """Each page that has code cells."""
    return request.param


@pytest.fixture(scope="session")
def html():
    """The folder of the built site."""
    folder = ROOT / "_build" / "html"
    if not (folder / "book" / "index.html").is_file():
        pytest.fail("build the book first: make book", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def read(html):
    """Parse a file of the site, once."""
    return functools.cache(lambda path: BeautifulSoup((html / path).read_bytes(), "html.parser"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def serve():
    """Serve a folder on a free port of this machine, and return its address."""
    servers = []

    def start(folder, handler=Quiet):
        handler = functools.partial(handler, directory=str(folder))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def site(serve, html):
    """The address of the built site."""
    return serve(html)


@pytest.fixture(scope="session")
def browser():
    """A system Chromium, else the one that Playwright installed."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = next(filter(None, map(shutil.which, BROWSERS)), own)
        if not Path(path).exists():
            give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            give_up("no Chromium: install one, or run `python -m playwright install chromium`")
        args = ["--disable-gpu", "--disable-background-networking"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            args.append("--no-sandbox")  # its sandbox does not run as root
        chromium = playwright.chromium.launch(executable_path=path, args=args)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def visit(browser):
    """Open an address as a window of its own would; give the page and what went wrong.

    A window is kept for the next of its kind: to open one takes four times the work of a page."""
    resting = collections.defaultdict(list)

    def opened(theme, options):
        window = browser.new_context(color_scheme=theme, **options)
        window.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
        return window.new_page()

    def cleared(page):
        page.mouse.up()
        page.mouse.move(0, 0)
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.context.clear_cookies()
        page.goto("about:blank")

    @contextlib.contextmanager
    def open_(url, width=1440, height=900, theme="light", **options):
        faults, home = [], urlsplit(url).netloc

        def sent(request):
            if urlsplit(request.url).netloc not in (home, ""):
                faults.append(f"request to another host: {request.url}")

        def answered(response):
            if response.status >= 400:
                faults.append(f"{response.status}: {response.url}")

        heard = {
            "request": sent,
            "response": answered,
            "requestfailed": lambda request: faults.append(f"failed: {request.url}"),
            "pageerror": lambda error: faults.append(f"uncaught: {error}"),
            "console": lambda said: said.type == "error" and faults.append(said.text),
        }
        same = resting[theme, *sorted(options.items())]
        page = same.pop() if same else opened(theme, options)
        page.set_viewport_size({"width": width, "height": height})
        for event, hear in heard.items():
            page.on(event, hear)
        page.goto(url)
        yield page, faults
        for event, hear in heard.items():
            page.remove_listener(event, hear)
        cleared(page)
        same.append(page)

    return open_


@pytest.fixture(scope="module")
def bench(serve, request):
    """The static folder, plus `/page` with the figure that the module describes in `DATA` and
    `/bare` with the same unloaded."""
    bare = EXPLORABLE.format(data=request.module.DATA)
    pages = {"/page": bare + LOADER, "/bare": bare}

    class Handler(Quiet):
        def do_GET(self):
            if self.path not in pages:
                return super().do_GET()
            body = pages[self.path].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return serve(ROOT / "book" / "_static", Handler)


@pytest.fixture
def open_page(visit, bench):
    """Open a page of the bench; at the end, nothing may have gone wrong in it."""
    with contextlib.ExitStack() as windows:
        opened = []

        def open_(path="/page", width=900, height=1000, **options):
            page, faults = windows.enter_context(visit(bench + path, width, height, **options))
            opened.append(faults)
            if path == "/page":
                page.wait_for_function("document.querySelector('.explorable-readout')?.textContent")
                page.evaluate(DRAWN)
            return page

        yield open_
    assert not any(opened), opened

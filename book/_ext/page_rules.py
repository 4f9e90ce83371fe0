"""Rules that every page keeps: an image says in words what it shows, nothing comes from elsewhere.

A broken rule is a warning with file and line; the book's builds treat warnings as errors.
"""

import re
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)

# element -> the attribute through which a browser would fetch something when the page opens
LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src",
         "video": "src", "audio": "src", "embed": "src", "object": "data"}
ELSEWHERE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
CSS_ELSEWHERE = re.compile(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", re.IGNORECASE)


def complain(node, message, rule):
    """Warn, naming the line of the node, or for an output the line of its cell's fence."""
    while not node.line and node.parent is not None:
        node = node.parent
    line, part = node.line, node
    while part is not None:
        if part.get("nb_element") == "cell_code":
            line = part.line - 2  # myst-nb is two lines late
        part = part.parent
    logger.warning(message, location=f"{node.source}:{line}", type="page", subtype=rule)


def has_words(alt):
    """An alt text, and not the file name that matplotlib's output gets for want of one."""
    return bool(alt and alt.strip()) and Path(alt.strip()).suffix not in {".png", ".svg", ".jpg"}


def check_images(doctree):
    for image in doctree.findall(nodes.image):
        if not has_words(image.get("alt")):
            complain(image, f"figure without alt text: {image.get('uri', '')}", "alt")
        if ELSEWHERE.match(image.get("uri", "")):
            complain(image, f"image from another host: {image['uri']}", "external")


def check_html(doctree):
    for raw in doctree.findall(nodes.raw):
        if "html" not in raw.get("format", ""):
            continue
        soup = BeautifulSoup(raw.astext(), "html.parser")
        for element in soup.find_all(list(LOADS)):
            address = element.get(LOADS[element.name], "")
            if ELSEWHERE.match(address):
                complain(raw, f"<{element.name}> from another host: {address}", "external")
        if CSS_ELSEWHERE.search(raw.astext()):
            complain(raw, "style that loads from another host", "external")
        for picture in soup.find_all(["img", "svg"]):
            words = picture.get("alt") or picture.get("aria-label")
            if picture.get("aria-hidden") != "true" and not has_words(words):
                complain(raw, f"figure without alt text: <{picture.name}>", "alt")


def check_page(app, doctree, docname):
    check_images(doctree)
    check_html(doctree)


def setup(app):
    app.connect("doctree-resolved", check_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

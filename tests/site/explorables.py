"""What the tests of the explorables share: to read and press them, and what is asked of each."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

TOP = "document.getElementById('after').getBoundingClientRect().top"
SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll(".explorable *")]
  .filter((node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim()))
  .map((node) => parseFloat(getComputedStyle(node).fontSize)))"""

CALL = """async ([figure, name, calls]) => {
  const m = await import(`/explorables/${figure}.js`);
  return calls.map((call) => m[name](...call));
}"""
# a pane learns its size after the layout of a frame: two frames later all are drawn to theirs
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
MOUNT = f"""async ([figure, options]) => {{
  const {{ mount }} = await import(`/explorables/${{figure}}.js`);
  mount(document.querySelector(".explorable-stage"), options);
  await {DRAWN};
}}"""
OUTSIDE = """() => [...document.querySelectorAll(".explorable svg text")]
  .filter((node) => getComputedStyle(node).visibility === "visible" && node.textContent)
  .map((node) => [node.textContent, node.getBoundingClientRect()])
  .filter(([, box]) => box.left < 0 || box.right > innerWidth)
  .map(([text]) => text)"""
AXE = {"resultTypes": ["violations"], "rules": {"region": {"enabled": False}}, "preload": False}


def caller(figure):
    """What a function of the figure's module returns for each list of arguments."""
    return lambda page, name, calls: page.evaluate(CALL, [figure, name, [list(c) for c in calls]])


def mount(page, figure, options):
    """Draw the figure again, with other options."""
    page.evaluate(MOUNT, [figure, options])


def readout(page):
    page.wait_for_timeout(600)  # it changes at most twice a second
    return page.locator(".explorable-readout").inner_text()


def values(page):
    """The texts beside the sliders, as numbers; an angle in degrees."""
    return [float(text.strip("°")) for text in page.locator(".explorable-value").all_inner_texts()]


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def speaks_at_most_twice_a_second(page, slider):
    """While a slider moves twenty steps, on a machine of any speed, and then rests."""
    page.evaluate("""() => {
      window.spoken = 0;
      window.start = performance.now();
      const watch = new MutationObserver(() => { window.spoken += 1; });
      watch.observe(document.querySelector("[aria-live=polite]"), { childList: true });
    }""")
    for _ in range(20):
        page.get_by_label(slider).press("ArrowLeft")
    readout(page)
    spoken, seconds = page.evaluate("[window.spoken, (performance.now() - window.start) / 1000]")
    assert 1 <= spoken <= 2 * seconds + 2


def fits_and_shifts_nothing(open_page, width, names):
    """The figure is no wider than the window, and its height is reserved and kept."""
    reserved = open_page("/bare", width=width).evaluate(TOP)
    page = open_page(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(TOP) == pytest.approx(reserved, abs=2)
    for name in names:
        button(page, name).click()
        readout(page)
        assert page.evaluate(TOP) == pytest.approx(reserved, abs=2)


def labels_outside(page):
    """The texts of the drawing that reach beyond the window."""
    return page.evaluate(OUTSIDE)


def is_accessible(page, theme):
    """Axe finds nothing, on the paper of the theme."""
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    paper = {"light": "#ffffff", "dark": "#14181e"}[theme]
    page.add_style_tag(content=f"body {{ background: {paper}; color: #888888 }}")
    found = Axe().run(page, context=".explorable", options=AXE).response["violations"]
    assert found == [], [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def is_large_enough_on_a_phone(open_page, width=375, least=32):
    """Every target is at least 32 pixels high and `least` wide, every text at least 12."""
    page = open_page(width=width)
    for target in page.locator(".explorable :is(button, input)").all():
        box = target.bounding_box()
        assert box["height"] >= 32 and box["width"] >= least
    for grip in page.locator(".grip").all():
        assert grip.bounding_box()["width"] >= 32
    assert page.evaluate(SMALLEST_TEXT) >= 12


def its_chapter_shows(html, site, visit, chapter, name, line):
    """The page has the figure, its words, the room that is reserved for it, and the readout."""
    page = BeautifulSoup((html / chapter).read_bytes(), "html.parser")
    figure = page.select_one(f"figure[data-explorable={name}]")
    assert figure.select_one(".explorable-alt").text.strip()
    assert figure.select_one("noscript").text.strip().startswith("This figure needs JavaScript")
    for width in (1440, 320):
        with visit(f"{site}/{chapter}", width) as (page, faults):
            stage = page.locator(f"figure[data-explorable={name}] .explorable-stage")
            stage.locator(".explorable-readout").get_by_text(line).wait_for()
            kept = stage.evaluate("node => parseFloat(getComputedStyle(node).minHeight)")
            assert stage.bounding_box()["height"] == pytest.approx(kept, abs=1)
            assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
            assert faults == []

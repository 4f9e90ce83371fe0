// A formula that is too wide for the page scrolls (book.css): then the keyboard can reach it.

const watch = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    const formula = target.closest("div.math");
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
  }
});
document.querySelectorAll("div.math, div.math > .katex-display").forEach((part) => watch.observe(part));

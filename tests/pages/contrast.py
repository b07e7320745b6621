"""Contrast of all texts of a page with what is behind them."""

from __future__ import annotations

from tests.pages.browser import Page

_CONTRASTS = """
(() => {
  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => channel(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !element.checkVisibility() || element.closest("svg, script, option")) continue;
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([Math.round(contrast * 100) / 100, element.textContent.trim().slice(0, 40)]);
  }
  return found.sort((a, b) => a[0] - b[0]);
})()
"""


def low_contrasts(page: Page, *, at_least: int) -> list[tuple[float, str]]:
    """Texts of less contrast than WCAG AA asks for (2.2, 1.4.3), of at least so many that are seen."""
    found: list[tuple[float, str]] = page.value(_CONTRASTS)
    assert len(found) >= at_least
    return [(contrast, text) for contrast, text in found if contrast < 4.5]

"""The page for every reader: by keyboard, by screen reader, in both themes, on a telephone and on a wall."""

import re
from itertools import pairwise
from typing import Any

import pytest
from page_tab import Tab, expect, film, other

NAMED = {"button", "link", "textbox", "slider", "radio", "checkbox", "combobox", "img", "dialog", "region", "group"}
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4")].filter((each) => each.checkVisibility())
  .map((each) => Number(each.tagName[1]))"""
# Of every visible text: its colour, the nearest ground behind it, its size and weight, and the words.
TEXTS = """() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const groundOf = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const ground = rgba(getComputedStyle(each).backgroundColor);
      if (ground[3] === 255) return ground;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, words = walker.currentNode.textContent.trim();
    if (!words || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(".unseen, option, :disabled") || element.closest("label")?.querySelector(":disabled")) continue;
    const style = getComputedStyle(element);
    const [size, bold] = [parseFloat(style.fontSize), style.fontWeight >= 700];
    found.push({ words, ink: rgba(style.color), ground: groundOf(element), size, bold });
  }
  return found;
}"""
TARGETS = """() => [...document.querySelectorAll("button, select, summary, input, a[href]")]
  .filter((each) => each.checkVisibility({ opacityProperty: false }) && !each.matches(".skip, [hidden], p a"))
  .map((each) => [each.closest("label") ?? each, each])
  .map(([area, each]) => [each.outerHTML.slice(0, 90), area.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([words, box]) => `${words} ${box.width} x ${box.height}`)"""
WIDE = "document.documentElement.scrollWidth - innerWidth"
FOCUSED = """() => {
  const { activeElement: each } = document, seen = each.matches(".choices input") ? each.nextElementSibling : each;
  const { outlineStyle, outlineWidth } = getComputedStyle(seen);
  const box = seen.getBoundingClientRect();
  const outline = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { body: each === document.body, key: each.dataset.key ?? each.id ?? "", text: each.textContent.trim(), outline,
    inside: box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight };
}"""


def filled(tab: Tab) -> None:
    """Bring every part of the page into sight: answers, a failed film, classes, an alert, the details."""
    tab.put(film("covid-19"), film("healthy", 2), other("notes.txt", b"hello"))
    tab.make_class("dense", film("covid-19", 11))
    tab.make_class("clear", film("healthy", 12))
    tab.drop("body", other("x.json", b"{}", "application/json"))
    expect(tab.find(".sentence")).to_contain_text("Nearest to dense")
    expect(tab.find("#viewer canvas").first).to_have_attribute("aria-label", re.compile("dense, not clear"))
    tab.page.click("#about summary")


STAGES = (lambda tab: None, filled, lambda tab: tab.find("#cards .case").first.click())


def ratio(one: list[int], other: list[int]) -> float:
    """The contrast of two colours by WCAG 2.2: 1 to 21."""

    def light(colour: list[int]) -> float:
        parts = [value / 255 for value in colour[:3]]
        bent = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * bent[0] + 0.7152 * bent[1] + 0.0722 * bent[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def faint(tab: Tab) -> list[str]:
    """Texts that stand out too little from what is behind them."""
    found = []
    for text in tab.page.evaluate(TEXTS):
        wanted = 3 if text["size"] >= 24 or (text["bold"] and text["size"] >= 18.66) else 4.5
        if (got := ratio(text["ink"], text["ground"])) < wanted:
            found.append(f"{text['words'][:40]}: {got:.2f}")
    return found


def nameless(tab: Tab) -> list[str]:
    """Controls and regions without a name, as a screen reader finds them."""
    session = tab.page.context.new_cdp_session(tab.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        f"{node['role']['value']} {node['nodeId']}"
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED and not node.get("name", {}).get("value", "").strip()
    ]


def steps(levels: list[int]) -> bool:
    """Whether headings begin at the first level and skip none."""
    return levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))


def test_everything_has_a_name_and_can_be_read(tab: Tab) -> None:
    for fill in STAGES:
        fill(tab)
        for scheme in ("dark", "light"):
            tab.page.emulate_media(color_scheme=scheme)
            expect(tab.find("html")).to_have_attribute("data-theme", scheme)
            assert faint(tab) == []
        assert nameless(tab) == []
        assert steps(tab.page.evaluate(HEADINGS))
    assert tab.page.evaluate("[...document.querySelectorAll('header.top, main, footer')].length") == 3


def test_the_contrast_that_is_computed_is_the_standards() -> None:
    assert ratio([0, 0, 0], [255, 255, 255]) == pytest.approx(21)
    assert ratio([118, 118, 118], [255, 255, 255]) == pytest.approx(4.54, abs=0.01)
    assert steps([1, 2, 3, 2]) and not steps([1, 3]) and not steps([2])


def test_nothing_is_wider_than_the_window(tab: Tab) -> None:
    for fill in STAGES:
        fill(tab)
        for width in (360, 768, 1280, 2560):
            tab.resize(width)
            assert tab.page.evaluate(WIDE) <= 0, width
            assert tab.page.evaluate(TARGETS) == [], width
    for width in (360, 768, 1280, 2560):
        tab.resize(width)
        box = tab.find("#compare").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_names_are_only_words(open_tab: Any) -> None:
    tab = open_tab(width=360).ready()
    markup = "<img src=x onerror=alert(1)>"
    tab.put(film("covid-19") | {"name": f"{markup}.png"})
    tab.make_class(f"<b>{'W' * 56}", film("covid-19", 11) | {"name": f"{'M' * 90}.png"})
    tab.make_class("two", film("healthy", 12))
    expect(tab.find(".sentence")).to_contain_text("<b>WWW")
    assert tab.text("#film-title") == f"{markup}.png"
    assert tab.find("main b, img[src=x], img[onerror]").count() == 0
    assert tab.page.evaluate(WIDE) <= 0


def test_the_theme_is_the_systems_until_another_is_chosen(open_tab: Any) -> None:
    tab = open_tab(scheme="dark").ready()
    theme = "document.documentElement.dataset.theme"
    assert tab.page.evaluate(theme) == "dark"
    assert tab.page.get_attribute("#theme", "aria-pressed") == "true"
    tab.page.emulate_media(color_scheme="light")
    expect(tab.find("html")).to_have_attribute("data-theme", "light")
    light = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.page.click("#theme")
    assert tab.page.evaluate(theme) == "dark"
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    tab.page.reload()
    tab.ready()
    assert tab.page.evaluate(theme) == "dark"


def test_all_can_be_done_by_keyboard(tab: Tab) -> None:
    keys = tab.page.keyboard

    def go_to(wanted: str) -> None:
        for _ in range(80):
            keys.press("Tab")
            at = tab.page.evaluate(FOCUSED)
            assert (at["outline"] and at["inside"]) or at["body"], at
            if wanted in (at["key"], at["text"]):
                return
        raise AssertionError(f"{wanted}: not reached")

    tab.page.on("filechooser", lambda chooser: chooser.set_files([film("covid-19"), film("healthy", 2)]))
    go_to("choose")
    keys.press("Enter")
    tab.page.wait_for_selector(".sentence")
    tab.all_read()
    go_to("film-2")
    keys.press("Enter")
    expect(tab.find(".sentence")).to_contain_text("healthy")
    assert tab.page.evaluate(FOCUSED)["key"] == "film-2"
    go_to("map-margin")
    keys.press("ArrowRight")
    expect(tab.find("#viewer canvas").first).to_have_attribute("aria-label", re.compile("like healthy"))
    go_to(tab.find("#cards .case").first.get_attribute("data-key"))
    keys.press("Enter")
    expect(tab.find("#compare")).to_be_visible()
    keys.press("Escape")
    expect(tab.find("#compare")).to_be_hidden()
    for name in ("one", "two"):
        go_to("class-name")
        keys.type(name)
        keys.press("Enter")
        go_to(f"shown-{name}")
        keys.press("Enter")
        tab.page.evaluate("document.activeElement.blur()")
    expect(tab.find('.zone[data-name="two"] .chip')).to_have_count(1)
    go_to("film-1-remove")
    keys.press("Enter")
    expect(tab.find("#strip li")).to_have_count(1)

"""What is half written: no mark appears only to vanish with the next word."""

import re

import pytest
from playwright.sync_api import Page

SHOWN = """async (text) => {
    const { GrowingMarkdown } = await import("/static/js/growing.js");
    const { loadMath } = await import("/static/js/math.js");
    await loadMath();
    const element = document.createElement("div");
    document.body.replaceChildren(element);
    const growing = new GrowingMarkdown(element);
    const seen = () => {
        const copy = element.cloneNode(true);
        for (const open of copy.querySelectorAll(".math.open")) open.remove();
        for (const formula of copy.querySelectorAll(".math")) formula.replaceWith("∎");
        return copy.textContent.replace(/\\s+/g, " ").trim();
    };
    const all = [];
    for (let end = 1; end <= text.length; end += 1) {
        growing.update(text.slice(0, end), false);
        all.push(seen());
    }
    growing.update(text, true);
    return [all, seen(), element.innerHTML];
}"""
"""All that is shown while `text` grows letter by letter, and at its end: a formula as ∎."""

WRITTEN = [
    "Some **bold words** and *some* more, __all__ of ~~them~~ here.",
    "A name like `some_code(a, *b)` and ``two ` ticks`` in a line.",
    "See [the *long* page](https://example.org/a_b) and ![a cat](https://example.org/c.png).",
    "***Both*** at once, **bold with *em* inside** and snake_case_names.",
    "- an **item**\n- `another`\n- [and](https://example.org)\n\nThe end.",
    "> quoted **bold** and `code`\n\n| a | b |\n|---|---|\n| **x** | `y` |\n| $z$ | w |\n",
    "Text above\n---\n\n# A `title`\n\nBelow\n\n---\n\nEnd",
    "Code:\n\n```js\nconst a = `b`;\n```\n\nAfter it.",
    "A price of $5 and $6.50, or $7,000 for all of it; 5 * 3 and a < b.",
    "Inline $x^2 + y_1$ and \\(a \\le b_2\\), in **bold $z$ too** and at the $n$th place.",
    "A sum\n\n$$\n\\sum_i x_i\n= y\n- z\n$$\n\nand \\[ x \\] in a line.",
    "1. one\n2. two\n\n2.5 is a number, and $x = 2$.",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_what_was_shown_stays_shown(modules: Page, text: str) -> None:
    growing, last, _ = modules.evaluate(SHOWN, text)

    assert [each for each in growing if not last.startswith(each)] == []


@pytest.mark.parametrize(
    "text",
    [
        "An open **bold",
        "An open `code",
        "5 * 3 and a lonely *",
        "A [link without",
        "A price of $",
        "It costs $x",
        "Open $$x^2",
        "Open \\(x",
        "A line\n-",
        "| a |\n|---|\n| **b",
        "- item **b",
        "```js\ncode\n``",
    ],
)
def test_at_the_end_all_is_shown_as_it_was_written(modules: Page, text: str) -> None:
    _, _, grown = modules.evaluate(SHOWN, text)

    once = modules.evaluate(
        """async (text) => {
            const { renderMarkdown } = await import("/static/js/markdown.js");
            const div = document.createElement("div");
            div.append(renderMarkdown(text));
            return div.innerHTML;
        }""",
        text,
    )
    tail = r'<div class="tail">|</div>|\n'
    assert re.sub(tail, "", grown) == re.sub(tail, "", once)


def test_words_behind_a_price_are_not_held_back(modules: Page) -> None:
    growing, _, _ = modules.evaluate(SHOWN, "It costs $5 and then some.")

    assert growing[-1] == "It costs $5 and then some."
    assert growing[len("It costs $5 and ")] == "It costs $5 and t"


def test_a_part_that_is_followed_by_others_is_whole(modules: Page) -> None:
    parts = """async () => {
        const { PartsView } = await import("/static/js/view/parts.js");
        const view = new PartsView();
        const text = { type: "text", text: "It costs **$" };
        const call = { type: "tool_call", tool_call: { name: "look", args: "" } };
        view.update([text], false);
        const before = view.element.textContent.trim();
        view.update([text, call], false);
        return [before, view.element.querySelector(".text").textContent.trim()];
    }"""

    assert modules.evaluate(parts) == ["It costs", "It costs **$"]


def test_no_row_of_a_table_is_shown_before_its_first_letter(modules: Page) -> None:
    empty = modules.evaluate(
        """async (text) => {
            const { GrowingMarkdown } = await import("/static/js/growing.js");
            const div = document.createElement("div");
            const growing = new GrowingMarkdown(div);
            const empty = [];
            for (let end = 1; end <= text.length; end += 1) {
                const written = text.slice(0, end);
                growing.update(written, false);
                const rows = [...div.querySelectorAll("tbody tr")];
                if (rows.some((row) => row.textContent.trim() === "")) empty.push(written);
            }
            return empty;
        }""",
        "| a | b |\n|---|---|\n| x | y |\n| z | w |\n",
    )

    assert empty == []

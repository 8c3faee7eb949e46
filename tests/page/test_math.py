"""Formulas: typeset as MathML, in prose that may have prices, and copied as they were written."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.asking import answer, ask

RENDER = """async (text) => {
    const { renderMarkdown } = await import("/static/js/markdown.js");
    const { loadMath } = await import("/static/js/math.js");
    await loadMath();
    const div = document.createElement("div");
    div.className = "markdown";
    document.body.replaceChildren(div);
    div.append(renderMarkdown(text));
}"""


def formulas(page: Page) -> list[str]:
    """The formulas that are typeset, as they were written."""
    sources = "all => all.map(({dataset}) => dataset.source)"
    found: list[str] = page.locator("span.math").evaluate_all(sources)
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Inline $x^2$, the $n$th and \\(a \\le b\\).", ["$x^2$", "$n$", "\\(a \\le b\\)"]),
        ("A line with $$x$$ and \\[ y_1 \\] in it.", ["$$x$$", "\\[ y_1 \\]"]),
        ("$$\nx\n= y\n- z\n$$", ["$$\nx\n= y\n- z\n$$"]),
        ("Before\n\\[\nx\n\\]\nand after", ["\\[\nx\n\\]"]),
        ("- item $x$\n- $$y$$\n\n| a |\n|---|\n| $z$ |\n", ["$x$", "$$y$$", "$z$"]),
        ("*em $a*b$ em* and **bold $c_1$**, $d*e$ and $f*g$", ["$a*b$", "$c_1$", "$d*e$", "$f*g$"]),
        ("$x \\text{ for all } y$, $f(x) = \\{ 1 \\}$", None),
    ],
)
def test_formulas_are_found_in_all_four_delimiters(
    modules: Page, text: str, found: list[str] | None
) -> None:
    modules.evaluate(RENDER, text)

    assert formulas(modules) == (found or [each.strip() for each in text.split(",")])
    assert modules.locator("math").count() == modules.locator("span.math").count()


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6, or US$7 and CA$8",
        "from $5-$10, $20/month, $30/month. Or 5$.",
        "$5 and then 10$ more",
        "$AAPL/$TSLA, $HOME and ${x}",
        "\\$x\\$ is escaped",
        "`$x$` and ``\\(y\\)``",
        "```\n$x$\n$$\ny\n$$\n```",
        "    $x$ indented",
        "\\[1\\] and \\[link\\] and \\(see below\\)",
        "an open $x^2",
        "$$\nx\n\ny\n$$",
    ],
)
def test_prices_code_and_brackets_are_no_formulas(modules: Page, text: str) -> None:
    modules.evaluate(RENDER, text)

    assert formulas(modules) == []
    assert modules.locator("code.math").count() == 0


def test_what_is_no_tex_is_shown_as_it_was_written(modules: Page) -> None:
    modules.evaluate(RENDER, "$\\frac{1$ and $\\nonsense{x}$ and $x$")

    expect(modules.locator("code.math.plain")).to_have_text(["$\\frac{1$", "$\\nonsense{x}$"])
    assert formulas(modules) == ["$x$"]


HOSTILE = [
    "$\\href{javascript:window.hurt=1}{x}$",
    "$\\class{chip}{x}\\htmlId{text}{y}$",
    "$\\htmlStyle{position:fixed}{x}$",
    "$\\includegraphics{https://example.org/x.png}$",
    "$\\text{<img src=x onerror=window.hurt=1>}$",
    "$\\label{text} x \\tag{<b>}$",
    "$\\llap{x} \\rule{999em}{999em}$",
    "$\\color{red;background:url(https://example.org)}{x}$",
    "$\\def\\a{\\a\\a}\\a$",
    "$" + "{" * 900 + "}" * 900 + "$",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_cannot_act_or_leave_its_place(modules: Page, text: str) -> None:
    modules.evaluate(RENDER, text)

    acting = "img, script, a, style, [href], [id], [src], [onerror], [style*=position]"
    assert modules.locator(f".markdown :is({acting})").count() == 0
    assert modules.evaluate("window.hurt") is None
    width = "document.querySelector('.markdown').scrollHeight"
    assert modules.evaluate(width) < 10_000


GROWN = """async (pieces) => {
    const { GrowingMarkdown } = await import("/static/js/growing.js");
    const { loadMath } = await import("/static/js/math.js");
    await loadMath();
    const element = document.createElement("div");
    document.body.replaceChildren(element);
    const growing = new GrowingMarkdown(element);
    const all = [];
    let text = "";
    for (const piece of pieces) {
        growing.update((text += piece), false);
        const copy = element.cloneNode(true);
        const open = copy.querySelector(".math.open");
        const source = open?.textContent ?? null;
        open?.replaceWith("…");
        all.push([copy.textContent.replace(/\\s+/g, " ").trim(), source]);
    }
    return all;
}"""


def test_a_displayed_formula_is_seen_as_it_is_written_until_it_is_whole(modules: Page) -> None:
    pieces = ["See:\n\n$", "$\nx", "\n= y\n", "- z\n$", "$", "\n\nSo."]

    shown = modules.evaluate(GROWN, pieces)

    assert [source for _, source in shown] == [None, "x", "x\n= y", "x\n= y\n- z", None, None]
    assert [text for text, _ in shown[:4]] == ["See:", "See: …", "See: …", "See: …"]
    assert modules.locator("math").count() == 1


def test_a_formula_in_a_line_is_seen_once_it_is_whole(modules: Page) -> None:
    pieces = ["Let ", "$", "x_", "1", "$", " be", " $2", ", or", " $3"]

    shown = [text for text, _ in modules.evaluate(GROWN, pieces)]

    assert shown[:4] == ["Let"] * 4
    assert shown[5:] == ["Let x1 be", "Let x1 be", "Let x1 be $2, or", "Let x1 be $2, or"]


LOADED = """async (text) => {
    const { renderMarkdown } = await import("/static/js/markdown.js");
    const div = document.createElement("div");
    div.append(renderMarkdown(text));
    document.body.replaceChildren(div);
    await fetch("/static/icons.svg"); // asked for behind all that the text asked for
}"""


def test_the_library_is_loaded_with_the_first_formula(modules: Page) -> None:
    asked: list[str] = []
    modules.on("request", lambda request: asked.append(request.url))

    modules.evaluate(LOADED, "No formula, but $5 and $6.")
    assert [url for url in asked if "temml" in url] == []
    modules.evaluate(LOADED, "A formula: $x$.")
    assert any("temml" in url for url in asked)
    expect(modules.locator("math")).to_have_count(1)


def test_a_library_that_does_not_come_leaves_formulas_as_they_are_written(modules: Page) -> None:
    modules.route("**/temml*", lambda route: route.abort())

    modules.evaluate(LOADED, "A formula: $x$.")

    expect(modules.locator("code.math.plain")).to_have_text("$x$")


def test_the_page_typesets_formulas_and_copies_them_as_they_were_written(page: Page) -> None:
    ask(page, "Why?", model="mathematical")
    expect(answer(page).locator("math")).to_have_count(3)

    page.evaluate("getSelection().selectAllChildren(document.querySelector('.answer .markdown'))")
    copied = page.evaluate(
        """() => {
            const data = new DataTransfer();
            const copy = new ClipboardEvent("copy", { clipboardData: data, bubbles: true });
            document.querySelector(".answer p").dispatchEvent(copy);
            return [data.getData("text/plain"), data.getData("text/html").includes("<math")];
        }"""
    )

    assert copied == [
        "Since $a^2$ is:\n\n$$\n\\begin{aligned} a &= b \\end{aligned}\n$$\n\n$c$",
        False,
    ]
    expect(answer(page).locator("mtd").first).to_have_css("padding-right", "0px")

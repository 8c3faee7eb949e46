"""`markdown.js`: safe whatever the model writes, and the same grown as rendered at once."""

import re
from hashlib import sha256

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.modules import STATIC

RENDER = """async (text) => {
    const { renderMarkdown } = await import("/static/js/markdown.js");
    const div = document.createElement("div");
    div.append(renderMarkdown(text));
    document.body.replaceChildren(div);
    return div.innerHTML;
}"""

GROWN = """async ([text, size]) => {
    const { GrowingMarkdown } = await import("/static/js/growing.js");
    const { renderMarkdown } = await import("/static/js/markdown.js");
    const { loadMath } = await import("/static/js/math.js");
    await loadMath();
    const flat = (root) => {
        for (const tail of root.querySelectorAll(".tail")) tail.replaceWith(...tail.childNodes);
        return root.innerHTML.replace(/\\n/g, "");
    };
    const differing = [];
    const element = document.createElement("div");
    const growing = new GrowingMarkdown(element);
    for (let end = size; end < text.length + size; end += size) {
        growing.update(text.slice(0, end), false);
        growing.update(text.slice(0, end), false, false); // with its end as it stands
        const whole = document.createElement("div");
        whole.append(renderMarkdown(text.slice(0, end)));
        const [grown, once] = [flat(element.cloneNode(true)), flat(whole)];
        const codes = [element, whole].map((root) => [...root.querySelectorAll("code")])
            .map((all) => all.map((code) => code.textContent.trimEnd()).join("\\0"));
        if (grown !== once || codes[0] !== codes[1]) differing.push([end, grown, once, ...codes]);
    }
    return differing;
}"""

ROOM = """async (text) => {
    const { GrowingMarkdown } = await import("/static/js/growing.js");
    const style = document.createElement("link");
    Object.assign(style, { rel: "stylesheet", href: "/static/css/thread.css" });
    await new Promise((resolve) => (style.onload = resolve, document.head.append(style)));
    const rooms = [false, true].map((isGrown) => {
        const element = document.createElement("div");
        element.className = "markdown";
        document.body.replaceChildren(element);
        const growing = new GrowingMarkdown(element);
        const pieces = isGrown ? [...text].map((_, end) => text.slice(0, end)) : [];
        for (const piece of pieces) growing.update(piece, false);
        growing.update(text, true);
        const last = [...element.querySelectorAll(":scope > :not(.tail), .tail > *")].at(-1);
        return element.getBoundingClientRect().bottom - last.getBoundingClientRect().bottom
            + parseFloat(getComputedStyle(last).marginBottom);
    });
    return rooms;
}"""
"""How many pixels there are below the last block of a text, rendered at once and grown."""

ANSWER = """# A title

A paragraph with **bold**, *em*, `code` and [a link](https://example.org/a?b=c&d=e).
It goes on\r
in a second line.

- one
- two

  still two
  1. nested
- three

1. first

2. second, loose

| a | b |
|---|--:|
| 1 | 2 |

```python
def f(x):

    return "# not a heading"
```

Setext
======

> quoted
> more

---

    indented code

<div onclick="alert(1)">html</div>

- [x] done

The end.
"""


BY_PARTS = """- one
- two
  goes on
-
- [ ] three `x`
  - nested
  - deeper

    with a paragraph
- four
+ another list
+ of two
  1. with
  2. numbers

1. first
2. second
10. tenth

And behind.

* a
* b
***
| a | b |
|---|---|
| 1 | 2 |
| 3
x | y | z
> no row

| only | head |
|---|---|

``` js
const a = 1;

  ``` no end
````not
```
~~~
tilde
```
~~~~
- list
- right before

      code in it
- last
```
never closed
  and  more"""


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_what_grows_by_parts_is_always_what_it_is_at_once(modules: Page, size: int) -> None:
    assert modules.evaluate(GROWN, [BY_PARTS, size]) == []


LEFT_ALONE = """async ([text, tail, selector]) => {
    const { GrowingMarkdown } = await import("/static/js/growing.js");
    const element = document.createElement("div");
    document.body.replaceChildren(element);
    const growing = new GrowingMarkdown(element);
    growing.update(text, false);
    const before = [...element.querySelectorAll(selector)].slice(0, -2);
    for (let end = 1; end <= tail.length; end += 1)
        growing.update(text + tail.slice(0, end), false);
    growing.update(text + tail, true);
    const after = [...element.querySelectorAll(selector)];
    return before.length > 3 && before.every((each, place) => each === after[place]);
}"""


@pytest.mark.parametrize(
    ("text", "tail", "selector"),
    [
        ("- item\n" * 9, "- more\n\n- loose\n\nEnd.\n", "li"),
        ("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 9, "| 3 | 4 |\n\nEnd.\n", "tr"),
        ("```\n" + "line\n" * 900, "more\n```\n\nEnd.\n", ".chunk"),
        ("A paragraph.\n\n" * 9, "More.\n\nEnd.\n", "p"),
    ],
)
def test_what_is_final_is_never_touched_again(
    modules: Page, text: str, tail: str, selector: str
) -> None:
    assert modules.evaluate(LEFT_ALONE, [text, tail, selector])


COLOURED = """async ([text, size]) => {
    const { GrowingMarkdown } = await import("/static/js/growing.js");
    const element = document.createElement("div");
    document.body.replaceChildren(element);
    const growing = new GrowingMarkdown(element);
    for (let end = size; end < text.length + size; end += size)
        growing.update(text.slice(0, end), false);
}"""
CODE = "```py\ndef f(x):\n    return 1  # <b>\n```\n\nMore\n\n```nonsense\ndef f\n```\n\nEnd\n\n."


@pytest.mark.parametrize("size", [3, 1000])
def test_code_has_colours_once_it_is_whole(modules: Page, size: int) -> None:
    modules.evaluate(COLOURED, [CODE, size])

    expect(modules.locator("code .hljs-keyword")).to_have_text(["def", "return"])
    expect(modules.locator("code").first).to_have_text("def f(x):\n    return 1  # <b>\n")
    assert modules.locator("code").last.locator("[class^=hljs]").count() == 0


def test_code_in_which_a_reader_selects_is_left_alone(modules: Page) -> None:
    select = "getSelection().selectAllChildren(document.querySelector('code'));"
    coloured_and_selected = f"{COLOURED.removesuffix('}')}    {select}\n}}"
    more = "\n\n```js\nlet a\n```\n\none\n\ntwo"
    modules.evaluate(coloured_and_selected, [CODE + more, 1000])

    expect(modules.locator("code").last.locator(".hljs-keyword")).to_have_text("let")
    assert modules.locator("code").first.locator(".hljs-keyword").count() == 0


def test_vendored_files_are_those_that_were_written_down() -> None:
    folder = STATIC / "vendor"
    lines = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "VERSIONS.md").read_text(), re.M)

    assert {name: sha256((folder / name).read_bytes()).hexdigest() for _, name in lines} == {
        name: digest for digest, name in lines
    }
    files = {path for path in folder.rglob("*.*") if path.suffix not in {".md", ".txt"}}
    assert {path.relative_to(folder).as_posix() for path in files} == {name for _, name in lines}


def test_code_is_copied_as_it_was_written(modules: Page) -> None:
    code = "".join(f"line {number}\n" for number in range(250))
    modules.evaluate(RENDER, f"```\n{code}```\n")

    selected = "getSelection().selectAllChildren(document.querySelector('code')) ?? ''"
    modules.evaluate(selected)

    assert modules.evaluate("getSelection().toString()").rstrip("\n") == code.rstrip("\n")
    assert modules.evaluate("document.querySelector('code').textContent") == code


@pytest.mark.parametrize("size", [1, 7])
def test_grown_piece_by_piece_it_is_always_what_it_is_at_once(modules: Page, size: int) -> None:
    assert modules.evaluate(GROWN, [ANSWER, size]) == []


@pytest.mark.parametrize(
    "last",
    ["A paragraph.", "- a\n- list\n", "| a |\n|---|\n| table |\n", "```js\ncode()\n```\n"],
)
def test_there_is_no_room_below_the_last_block(modules: Page, last: str) -> None:
    assert modules.evaluate(ROOM, f"First.\n\n{last}") == [0, 0]


def test_a_list_keeps_its_first_number_and_a_table_its_alignment(modules: Page) -> None:
    html = modules.evaluate(RENDER, "7. seven\n8. eight\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |\n")

    assert '<ol start="7" dir="auto">' in html
    assert '<td align="center" dir="auto">1</td>' in html
    assert '<td align="right" dir="auto">2</td>' in html


def test_a_text_that_the_library_cannot_take_is_shown_as_text(modules: Page) -> None:
    nested = ">" * 2_000 + " deep"

    html = modules.evaluate(RENDER, nested)

    assert html == f'<p class="plain" dir="auto">{nested.replace(">", "&gt;")}</p>'
    assert modules.evaluate(GROWN, [f"First.\n\n{nested}\n", 997]) == []


HOSTILE = [
    '<img src=x onerror="window.hurt = 1">',
    "<script>window.hurt = 1</script>",
    '<svg onload="window.hurt = 1"><a xlink:href="javascript:window.hurt=1">x</a></svg>',
    "[click](javascript:window.hurt=1)",
    "[click](data:text/html,<script>window.hurt=1</script>)",
    '![x](x" onerror="window.hurt=1)',
    '<b onmouseover="window.hurt = 1">b</b>',
    '<iframe srcdoc="<script>parent.hurt=1</script>"></iframe>',
    '<p style="position:fixed">x</p><form action="https://example.org"><input></form>',
    '```html" onload="window.hurt=1\n<script>window.hurt=1</script>\n```',
    '<a href="jav&#x09;ascript:window.hurt=1">x</a>',
    '<math><mi//xlink:href="data:x,<script>window.hurt=1</script>">',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_the_model_writes_can_act(modules: Page, text: str) -> None:
    modules.evaluate(RENDER, text)

    assert modules.evaluate("window.hurt") is None
    acting = "img, script, svg, iframe, style, form, input, math, [style], [onerror], [onload]"
    assert modules.locator(f":is({acting})").count() == 0
    hrefs = modules.evaluate("[...document.links].map((link) => link.protocol)")
    assert set(hrefs) <= {"http:", "https:", "mailto:"}


def test_a_diagram_is_shown_as_its_source(modules: Page) -> None:
    html = modules.evaluate(RENDER, "```mermaid\ngraph TD; A-->B\n```")

    assert "graph TD; A--&gt;B" in html
    assert modules.locator("pre > code.language-mermaid").count() == 1


def test_html_is_shown_as_the_text_it_is(modules: Page) -> None:
    html = modules.evaluate(RENDER, "Use <img src=x onerror=alert(1)> here")

    assert html == '<p dir="auto">Use &lt;img src=x onerror=alert(1)&gt; here</p>\n'


def test_links_open_beside_the_page_and_do_not_tell_where_from(modules: Page) -> None:
    modules.evaluate(RENDER, "[a](https://example.org)")

    link = modules.locator("a")
    assert link.get_attribute("target") == "_blank"
    assert "noopener" in str(link.get_attribute("rel"))


def test_a_picture_is_a_link_so_that_no_other_host_is_asked(modules: Page) -> None:
    html = modules.evaluate(RENDER, "![a cat](https://example.org/cat.png)")

    assert '<a href="https://example.org/cat.png"' in html
    assert "a cat</a>" in html

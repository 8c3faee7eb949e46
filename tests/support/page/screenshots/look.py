"""One look for all pictures, on every machine: letters of one package, and one date.

The faces come from Debian's `fonts-dejavu-core`.  Faces of italics, which the package lacks, are
not named: the browser slants the upright letters on every machine.
"""

import json
from typing import Final

from playwright.sync_api import CDPSession, Page

FACES: Final = [
    ("Pictured", 400, "DejaVu Sans"),
    ("Pictured", 700, "DejaVu Sans Bold"),
    ("Pictured Mono", 400, "DejaVu Sans Mono"),
    ("Pictured Mono", 700, "DejaVu Sans Mono Bold"),
]
"""Each face's family in the pictures, its weight, and its full name."""

FAMILIES: Final = {"DejaVu Sans", "DejaVu Sans Mono"}

STYLE: Final = "\n".join(
    [
        *(
            f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: local("{name}") }}'
            for family, weight, name in FACES
        ),
        ':root { --sans: "Pictured" !important; --mono: "Pictured Mono" !important }',
    ]
)

DATE: Final = "2026-01-05T10:24:07Z"

LOOK: Final = f"""
const style = new CSSStyleSheet(); // the policy of the page allows a script no other style
style.replaceSync({json.dumps(STYLE)});
document.adoptedStyleSheets = [style];
const only = Date.parse("{DATE}");
window.Date = class extends Date {{ // the times of the server, too
    constructor() {{
        super(only);
    }}
    static now() {{
        return only;
    }}
}};
"""
"""A script that a page runs before all other scripts."""


def check_letters(page: Page) -> None:
    """Raise RuntimeError where a letter on the page is of a face that another machine may lack."""
    if foreign := fonts_of(page) - FAMILIES:
        raise RuntimeError(
            f"The pictures have letters of {', '.join(sorted(FAMILIES))} alone; "
            f"found: {', '.join(sorted(foreign))}. Are the fonts there (`make chromium`), and is "
            "every style's font var(--sans) or var(--mono)?"
        )


def fonts_of(page: Page) -> set[str]:
    """The families of the fonts whose letters the page shows."""
    session = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        session.send(f"{domain}.enable")
    session.send("DOM.getDocument", {"depth": -1})
    used = [
        session.send("CSS.getPlatformFontsForNode", {"nodeId": node})
        for node in _found(session, "//body//*[text()[normalize-space()]]")
    ]
    session.detach()
    return {font["familyName"] for each in used for font in each["fonts"]}


def _found(session: CDPSession, path: str) -> list[int]:
    """The elements at an XPath, as the protocol names them."""
    search = session.send("DOM.performSearch", {"query": path})
    if search["resultCount"] == 0:
        return []
    asked = {"searchId": search["searchId"], "fromIndex": 0, "toIndex": search["resultCount"]}
    return list(session.send("DOM.getSearchResults", asked)["nodeIds"])

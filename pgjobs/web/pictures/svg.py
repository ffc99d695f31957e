"""Elements of SVG as text: every value is escaped, and a class says how it looks, so that dark and print work."""

from __future__ import annotations

from html import escape

from pgjobs.web.visible import visible


def element(name: str, *content: str, **attributes: object) -> str:
    """An element with this content, which is SVG already; `class_` is the attribute class, `a_b` is a-b."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{''.join(content)}</{name}>" if content else f"<{name}{said}/>"


def text(content: str, x: str, y: str, class_: str, anchor: str | None = None) -> str:
    """Words at a place."""
    return element("text", escape(visible(content)), x=x, y=y, class_=class_, text_anchor=anchor)


def title(content: str) -> str:
    """What is shown where the pointer rests, and read to those who do not see."""
    return element("title", escape(visible(content)))


def picture(name: str, title_: str, description: str, width: int, height: int, *content: str) -> str:
    """A picture that says in words what it shows; `name` begins its ids and is its class."""
    named = (
        element("title", escape(visible(title_)), id=f"{name}-title"),
        element("desc", escape(visible(description)), id=f"{name}-desc"),
    )
    return element(
        "svg", *named, *content, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img",
        class_=f"picture {name}", aria_labelledby=f"{name}-title {name}-desc",
    )  # fmt: skip

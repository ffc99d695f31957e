"""A page of the jobs page as a test reads it: its words, links, fields and tags; and what every answer owes."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import httpx

from pgjobs.web.doors.page.render import PAGE_HEADERS
from pgjobs.web.report.document import policy

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
DRAWN = {"path", "rect", "circle", "line", "polyline", "polygon", "use", "stop", "ellipse"}
"""Elements of SVG, which may close themselves."""
HIDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Shown(HTMLParser):
    """What a page shows; it fails where the page is not well nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.tags, self.attributes = Counter[str](), Counter[str]()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.classes = Counter[str]()
        self._fields: dict[str, str] = {}
        self.forms: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._words: list[str] = []
        self._field: str | None = None
        self._glued = False
        self.feed(text)
        self.close()
        assert [] == self._open, "elements that nobody closes"

    @property
    def words(self) -> str:
        """All text that people see, with single blanks; narrow ones stay as they are."""
        return _single(" ".join(self._words))

    @property
    def fields(self) -> dict[str, str]:
        """What the lists of fields say, by the name of the field."""
        return {name.strip(): text.strip() for name, text in self._fields.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("dt", "dd"):
            self._begin(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID | DRAWN, tag
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert tag == self._open.pop(), f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            assert not data.strip(), "script and style stand in files"
            return
        if self._glued:
            data = self._words.pop() + data
        self._glued = False
        self._words.append(data)
        if "dt" in self._open and self._field is not None:
            self._field += data
        elif "dd" in self._open and self._field is not None:
            self._fields[self._field] += data

    def _begin(self, tag: str) -> None:
        if tag == "dt":
            self._field = ""
        elif self._field is not None:
            self._fields[self._field] = ""

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        # Where a word may be broken it is one word still.
        self._glued = tag == "wbr" and bool(self._words)
        given = {name: value or "" for name, value in attrs}
        self.attributes.update(given.keys())
        self.ids += [given["id"]] if "id" in given else []
        self.classes.update(given.get("class", "").split())
        if tag == "form":
            self.forms.append((given.get("method", "get"), given.get("action", "")))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.loads += [given[name] for name in ("src", "srcset", "data") if name in given]
        if tag == "link":
            self.loads.append(given["href"])


def _single(text: str) -> str:
    return re.sub("[ \n\t\r]+", " ", text).strip()


def shown(answer: httpx.Response) -> Shown:
    """An answer of the page, which owes: its headers, no script and no style but the files, no other host, no control
    character, each id once."""
    owed(answer)
    assert "text/html; charset=utf-8" == answer.headers["content-type"]
    read = Shown(answer.text)
    assert [] == [name for name in read.attributes if name.startswith("on") or name == "style"]
    own = ("/", "#", "?", "data:image/svg+xml,")
    assert [] == [to for to in (*read.links, *read.loads) if not to.startswith(own) or to.startswith("//")]
    assert [] == [one for one, times in Counter(read.ids).items() if times > 1]
    assert [] == HIDING.findall(answer.text), "characters that hide or turn text"
    assert not {"iframe", "object", "embed", "base"} & set(read.tags)
    return read


def owed(answer: httpx.Response) -> None:
    """The headers that every answer of this door has, whatever its status and kind; files of it may be kept."""
    # A report has its style in it, and runs nothing at all.
    own = {"Content-Security-Policy": policy()} if answer.request.url.path.endswith("/report") else {}
    for name, value in (PAGE_HEADERS | own).items():
        if name != "Cache-Control" or not answer.request.url.path.startswith("/static/"):
            assert value == answer.headers.get(name), f"{answer.request.url}: {name}"
    assert [] == [name for name in answer.headers if name.startswith("access-control-")]

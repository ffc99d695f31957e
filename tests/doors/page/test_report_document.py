"""The after-action report as a file: it needs nothing, runs nothing, and no value in it is more than text."""

import base64
import hashlib
import html.parser
import json
import re
from typing import Any

import pytest
from fix_jobs import Db, insert_job
from fix_lives import BEGIN, Told, begun, end, tell
from fix_web import Web

from pgjobs.web.report.canonical import NoReportError, digest, is_whole, parsed
from pgjobs.web.report.document import written

EVIL = '</script></style><script>alert("1")</script><img src=x onerror=alert(2)>'
FORMULAS = ("=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\u202e=1")


class Page(html.parser.HTMLParser):
    """What a browser would see: elements with their attributes, and the texts of the cells of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.cells: list[str] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._cell:
            self.cells[-1] += data


def lived(db: Db, **columns: object) -> int:
    """A job with a life of two pauses, whose every text is as bad as people can make it."""
    job = begun(db, **columns)
    db.execute("select pgjobs.pause_job(%s), pgjobs.resume_job(%s)", (job, job))
    tell(db, job, [Told(1, 100, 5, 10, 3), Told(2, 100, 0, 30), Told(3, 90, 10, 20), Told(4, 50, 0, 40)])
    return job


def read(db: Db, job: int) -> str:
    """The report of a job as JSON."""
    return str(db.value("select pgjobs.job_report(%s)::text", job))


def test_the_file_needs_nothing_and_runs_nothing(db: Db) -> None:
    """Nothing of it names another place, its policy allows its own style alone, by its hash, and its one script is
    data."""
    job = lived(db)
    end(db, job, 5)
    text = written(read(db, job))
    page = Page(text)
    assert not [
        name for _, attributes in page.elements for name in attributes if name in ("src", "href", "srcset", "style")
    ]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert [{"type": "application/json", "id": "report-data"}] == [
        each for tag, each in page.elements if tag == "script"
    ]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = (each["content"] for tag, each in page.elements if tag == "meta" and each.get("http-equiv"))
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'" == policy
    assert "Interim report" not in text
    assert "The accounts agree" in text
    assert "svg" in {tag for tag, _ in page.elements}


def test_a_running_job_has_an_interim_report(db: Db) -> None:
    """The report of a job that is not over says so before anything else, and why it stands still."""
    text = written(read(db, insert_job(db, active=False)))
    assert text.index("Interim report.") < text.index("What became of it")
    assert "set active = true" in text
    assert "has not begun" in text


def test_no_value_is_more_than_text(db: Db) -> None:
    """Markup in names, parameters, reasons, codes and paths is shown as it is; a copy can be checked all the same."""
    job = lived(
        db, name=EVIL[:200], notes=EVIL, params={"never": 1}, configuration=json.dumps({EVIL: [EVIL]}), custom_type=EVIL
    )
    db.execute("insert into pgjobs.outcomes values (%s, 0, 'skip', %s, 1)", (job, EVIL))
    db.execute("update pgjobs.log_segments set path = %s, host = %s", (EVIL, EVIL))
    db.execute(
        "insert into pgjobs.events (job_id, at, role, application, actor, reason, pause)"
        " values (%s, %s, %s, %s, %s, %s, 'paused')",
        (job, BEGIN, EVIL, EVIL, EVIL, EVIL),
    )
    text = written(read(db, job))
    page = Page(text)
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert 1 == sum(tag == "script" for tag, _ in page.elements)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert EVIL in page.texts
    assert "The accounts do not agree." in text, "one outcome too many"
    assert is_whole(text)
    assert not is_whole(text.replace('"sent": 340', '"sent": 341'))


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_begins_as_a_formula(db: Db, formula: str) -> None:
    """Whoever opens the report in a spreadsheet runs nothing: no cell begins with what a value says."""
    job = lived(db, name=formula.strip(), notes=formula)
    db.execute("insert into pgjobs.outcomes values (%s, 0, 'skip', %s, 1)", (job, formula))
    db.execute("update pgjobs.log_segments set path = %s", (formula,))
    db.execute(
        "insert into pgjobs.events (job_id, at, role, reason) values (%s, %s, %s, %s)", (job, BEGIN, formula, formula)
    )
    page = Page(written(read(db, job)))
    assert any(formula.strip("\t\u202e") in text for text in page.texts)
    dangerous = [cell for cell in page.cells if re.match(r"\s*[=+@\t\r\u202e-](?!\d+$)", cell)]
    assert [] == dangerous


def test_what_is_no_report_is_told() -> None:
    """Another file, another JSON, and a report without its hash are none."""
    for text in ("", "<html>", "[]", "{}", '{"sha256": 7}', '{"sha256": null, "a": NaN}'):
        with pytest.raises(NoReportError):
            is_whole(text)


def test_the_page_answers_with_both(web: Web, db: Db) -> None:
    """The file with a policy of its own, and the JSON as SQL has made it; both are read only, and named for saving."""
    job = lived(db)
    end(db, job, 5)
    answer = web.get(f"/job/{job}/report")
    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    assert is_whole(answer.text)
    header = answer.headers["content-security-policy"]
    assert header.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in header
    assert f'inline; filename="job-{job}-report.html"' == answer.headers["content-disposition"]
    found = web.get(f"/job/{job}/report.json")
    assert (200, "application/json") == (found.status_code, found.headers["content-type"])
    assert digest(parsed(found.text)) == found.json()["sha256"]
    assert 404 == web.get(f"/job/{job + 1}/report").status_code
    assert 404 == web.get(f"/job/{job + 1}/report.json").status_code
    assert 400 == web.get(f"/job/{job}/report?pieces=3").status_code


def test_the_page_of_a_job_shows_its_life(web: Web, db: Db) -> None:
    """The page has the plot, its words and its values as a table; and of a job that will run the timeline."""
    job = lived(db)
    text = web.get(f"/job/{job}").text
    page = Page(text)
    pictures: list[dict[str, Any]] = [
        each for tag, each in page.elements if tag == "svg" and "picture" in (each.get("class") or "")
    ]
    assert ["picture plot", "picture timeline"] == [each["class"] for each in pictures]
    assert "The values as a table" in text
    assert any(cell.startswith("2026-11-26") for cell in page.cells)

"""`pgjobs report`: a file that is whole or not there, HTML or JSON, and a copy that can be checked."""

import json
import os
import stat
from pathlib import Path

import pytest
from fix_cli import run
from fix_jobs import Db
from fix_lives import Told, begun, end, tell

import pgjobs
from pgjobs.errors import PgjobsError
from pgjobs.ops.report import write


@pytest.fixture
def job(db: Db) -> int:
    """A job that is done."""
    found = begun(db, name="November")
    tell(db, found, [Told(1, 10), Told(2, 10), Told(3, 10), Told(4, 10)])
    end(db, found, 5)
    return found


def test_a_report_is_written_and_checked(database: str, job: int, tmp_path: Path) -> None:
    """HTML by default, JSON where the name or the option says so; each copy is what was made until it is changed."""
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    said = run("report", job, "-o", page, database_url=database)
    assert (0, "", "") == said
    assert page.read_text().startswith("<!doctype html>")
    assert 0 == run("report", job, "--output", data, database_url=database).code
    assert 40 == json.loads(data.read_text())["counts"]["sent"]
    for path in (page, data):
        said = run("report", "--check", path)
        assert (0, f"{path}: it is what was made\n") == (said.code, said.out)
        path.write_text(path.read_text().replace("November", "December"))
        said = run("report", "--check", path)
        assert 1 == said.code
        assert "it was changed after it was made" in said.err
        path.write_text("something else")
        assert "it is no report" in run("report", "--check", path).err


@pytest.mark.parametrize(
    ("shown", "forged"),
    [
        ("<dd>40</dd>", "<dd>4000</dd>"),
        ("The accounts agree", "The accounts agree in all"),
        ("</main>", "<p>And more.</p></main>"),
        ("<!doctype html>", "<!-- approved --><!doctype html>"),
        ("</html>", "</html><p>And more.</p>"),
        ("<style>", "<style>.proof{display:none}"),
    ],
)
def test_what_people_read_is_checked_too(database: str, job: int, tmp_path: Path, shown: str, forged: str) -> None:
    """A report whose data is right, but whose text says something else, is not what was made."""
    path = tmp_path / "r.html"
    run("report", job, "-o", path, database_url=database)
    text = path.read_text()
    assert shown in text
    path.write_text(text.replace(shown, forged, 1))
    said = run("report", "--check", path)
    assert (1, "") == (said.code, said.out)
    assert f"{path}: it was changed after it was made" in said.err


def test_text_of_another_version_is_not_judged(database: str, job: int, tmp_path: Path) -> None:
    """What another version wrote may look different: only its data is checked, and the answer says so."""
    path = tmp_path / "r.html"
    run("report", job, "-o", path, database_url=database)
    text = path.read_text().replace(f'content="pgjobs {pgjobs.__version__}"', 'content="pgjobs 9.9.9"', 1)
    path.write_text(text.replace("<main", "<main lang=en", 1))
    said = run("report", "--check", path)
    assert 0 == said.code
    assert "only that was checked" in said.out
    assert "pgjobs 9.9.9" in said.out
    path.write_text(text.replace('"sent": 40', '"sent": 41'))
    assert 1 == run("report", "--check", path).code


def test_a_report_goes_to_the_output(database: str, job: int) -> None:
    """Without a file, or with -, it is printed."""
    assert run("report", job, database_url=database).out.startswith("<!doctype html>")
    assert job == json.loads(run("report", job, "-o", "-", "--json", database_url=database).out)["job"]["id"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "give a job, or --check FILE"),
        ((7, "--check", "x"), 2, "give a job, or --check FILE"),
        ((7,), 1, "there is no job 7"),
        (("--check", "/nowhere/at/all"), 1, "No such file or directory"),
        ((7, "-o", "/nowhere/at/all"), 1, "there is no job 7"),
    ],
)
def test_what_is_wrong_is_told(database: str, arguments: tuple[object, ...], code: int, words: str) -> None:
    """One sentence, and an exit code of its kind."""
    said = run("report", *arguments, database_url=database)
    assert code == said.code
    assert words in said.err
    assert "" == said.out


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Whoever reads the former file keeps it; the new one has its rights, and nothing else is left."""
    path, link = tmp_path / "there", tmp_path / "link"
    path.write_text("former")
    path.chmod(0o640)
    link.symlink_to(path)
    with path.open() as reading:
        write(link, "new")
        assert "former" == reading.read()
    assert link.is_symlink()
    assert ("new", 0o640) == (path.read_text(), stat.S_IMODE(path.stat().st_mode))
    assert {"there", "link"} == {each.name for each in tmp_path.iterdir()}


def test_a_new_file_has_the_usual_rights(tmp_path: Path) -> None:
    """As any other program would make it."""
    before = os.umask(0o027)
    try:
        write(tmp_path / "new", "text")
    finally:
        os.umask(before)
    assert 0o640 == stat.S_IMODE((tmp_path / "new").stat().st_mode)


def test_a_file_that_can_not_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails, the former file is there, whole, and nothing beside it."""
    path = tmp_path / "there"
    path.write_text("former")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PgjobsError, match=f"{path}: No space"):
        write(path, "new")
    assert ["there"] == [each.name for each in tmp_path.iterdir()]
    assert "former" == path.read_text()

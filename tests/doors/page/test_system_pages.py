"""The pages about the system and the tasks: what is wrong comes first, and everything is text."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from fix_jobs import Db, claim, insert_job, job_in
from fix_web import Web
from psycopg.types.json import Jsonb

NASTY = "<script>alert(1)</script>\u202e & \"'"


def daemon(db: Db, name: str, broker: str = "connected", ago: str = "1 s") -> uuid.UUID:
    """A daemon that was heard of so long ago."""
    number = uuid.uuid4()
    db.execute(
        "insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at, broker, metrics_address)"
        " values (%s, %s, 'host-1', 77, '0.2.0', now() - interval '1 hour', now() - %s::interval, %s,"
        " '127.0.0.1:50304')",
        (number, name, ago, broker),
    )
    return number


def shown(web: Web, path: str) -> str:
    answer = web.get(path)
    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    return answer.text


def section(html: str, name: str) -> str:
    """The text of a part of a page, without marks."""
    found = re.search(rf'<section[^>]* id="{name}".*?</section>', html, re.DOTALL)
    assert found, name
    return " ".join(unescape(re.sub("<[^>]*>", " ", found[0])).split())


def test_daemons_and_what_they_run(web: Web, db: Db) -> None:
    """Each daemon with its heartbeat, its broker, whether it does the chores, and the shards it runs, as links."""
    alive, silent = daemon(db, "alive-1"), daemon(db, "silent-1", "idle", "3 minutes")
    db.execute("select pgjobs.elect(%s, '30 s')", (alive,))
    job = insert_job(db)
    claim(db, job)
    db.execute("update pgjobs.shards set owner = %s where job_id = %s", (alive, job))
    html = shown(web, "/system")
    assert f'<a href="/job/{job}">{job}/0</a>' in html
    told = section(html, "daemons")
    assert "alive-1 alive elected: does the chores" in told
    assert re.search(r"silent-1 silent 3 min( \d s)? ago not known nothing", told)
    assert "host-1 , process 77 metrics at 127.0.0.1:50304" in told
    assert str(silent) not in html


def test_what_is_wrong_comes_first(web: Web, db: Db) -> None:
    """The kill switch, a silent house, a broker that is away, answers that are not taken and stuck retention are said
    before everything else."""
    assert "No daemon is alive" in shown(web, "/system")
    db.execute("select pgjobs.hold_all('the gateway burns')")
    db.execute("update pgjobs.retention set trouble = 'a lock is in the way' where what = 'events'")
    number = daemon(db, "d-1", "no route to host")
    refused = Jsonb({"answers": "403 ACCESS_REFUSED"})
    db.execute("update pgjobs.daemons set replies = %s where id = %s", (refused, number))
    html = shown(web, "/system")
    first = unescape(re.sub("<[^>]*>", "", html.partition("<section")[0]))
    for words in (
        "Everything is held",
        "the gateway burns",
        "Daemon d-1 cannot publish: no route to host",
        "Daemon d-1 takes no answers from answers: 403 ACCESS_REFUSED",
        "Retention of events is stuck: a lock is in the way",
    ):
        assert words in " ".join(first.split())
    assert "No daemon is alive" not in html
    assert section(html, "retention").startswith("Retention What Kept for Cleared so far Trouble events")


def test_queues_with_their_depth(web: Web, db: Db) -> None:
    """Each queue of a type with what the broker said last; trouble before depth, and one not measured yet says so."""
    db.execute("update xmp_job_types set exchange = '', routing_key = 'long', max_backlog = 500 where name = 'expired'")
    db.execute("update xmp_job_types set routing_key = 'lost' where name = 'injection'")
    measured = [{"queue": "long", "ready": 12345, "consumers": 2}, {"queue": "lost", "trouble": "queue 'lost': 404"}]
    db.execute("select pgjobs.note_depths(%s)", (Jsonb(measured),))
    told = section(shown(web, "/system"), "queues")
    assert re.search(r"long 12 345 2 500 expired \d s ago", told.replace("\u202f", " "))
    assert told.index("queue 'lost': 404") < told.index("long")
    assert "mailing" not in told
    db.execute("insert into pgjobs.item_totals (type, status, n) values ('mailing', 'j', 1)")
    told = section(shown(web, "/system"), "queues")
    assert "mailings 200 mailing not yet" in told


def test_agents_and_faults(web: Web, db: Db) -> None:
    """Agents with their responsibility, whether they live and what they hold; answers that could not be used."""
    db.execute("insert into pgjobs.agents (name, about) values ('Catalog Cleaner', 'synchronizes deleted products')")
    db.execute(
        "insert into pgjobs.agents (name, types, host, pid, seen_at, holds)"
        " values ('worker-1', '{Unit}', 'h', 5, now(), 7)"
    )
    db.execute("insert into pgjobs.agents (name, seen_at, trouble) values ('gate', now(), 'no gateway')")
    db.execute("insert into pgjobs.reply_faults (kind, n, last_at, sample) values ('no_json', 12, now(), 'secret')")
    html = shown(web, "/system")
    told = section(html, "agents")
    assert re.search(r"worker-1 alive \d s ago 7 Unit h , process 5", told)
    assert re.search(r"gate no gateway in trouble \d s ago", told)
    assert "Catalog Cleaner synchronizes deleted products never heard of never" in told
    assert "no_json 12" in section(html, "faults")
    assert "secret" not in html


def test_tasks_with_their_occasions(web: Web, db: Db) -> None:
    """A task says when it repeats in words and as JSON, its next five occasions, and what is wrong with it."""
    start = (datetime.now(UTC) + timedelta(days=1)).replace(hour=22, minute=44, second=0, microsecond=0)
    daily = {"pattern": {"time": "22:44", "zone": "UTC", "daily": {}}}
    for name, repeating in (("nightly", daily), ("often", {"period": {"each": 5, "unit": "MINUTES"}})):
        db.execute(
            "insert into pgjobs.tasks (name, type, starts_at, repeating) values (%s, 'expired', %s, %s)",
            (name, start - timedelta(hours=1), Jsonb(repeating)),
        )
    db.execute("update pgjobs.tasks set active = false where name = 'often'")
    html = shown(web, "/tasks")
    told = " ".join(unescape(re.sub("<[^>]*>", " ", html)).split())
    assert "every day at 22:44 UTC" in told
    assert "every 5 minutes" in told
    for day in range(5):
        assert f"{(start + timedelta(days=day)):%Y-%m-%d} 22:44:00 UTC" in told
    assert "none while it is paused" in told
    assert '"each": 5' in unescape(html)


def test_a_task_shows_its_last_job(web: Web, db: Db) -> None:
    """The last job that a task has made is a link with its status; the one that waits is at its occasion."""
    db.execute(
        "insert into pgjobs.tasks (name, type, starts_at, repeating)"
        " values ('t', 'expired', now() + interval '1 day', %s)",
        (Jsonb({"period": {"each": 1, "unit": "HOURS"}}),),
    )
    task = db.value("select id from pgjobs.tasks")
    job = job_in(db, "done")
    db.execute(
        "insert into pgjobs.task_runs (task_id, occasion, job_id) values (%s, now() - interval '1 hour', %s)",
        (task, job),
    )
    html = shown(web, "/tasks")
    assert re.search(rf'<a href="/job/{job}">{job}</a>\s*<span class="badge badge-finished">Finished</span>', html)


def test_alerts_say_what_to_do(web: Web, db: Db) -> None:
    """Each alert that fires is told with its severity, what it is about and what to do; an alert about a job is a link
    to it, and with none the page says so."""
    daemon(db, "d-1")
    assert "Nothing is wrong." in shown(web, "/alerts")
    job = job_in(db, "error")
    alerts = db.value("select pgjobs.page_alerts() -> 'alerts'")
    assert alerts
    html = unescape(re.sub("</?time[^>]*>", "", shown(web, "/alerts")))
    for alert in alerts:
        for name in ("name", "severity", "summary", "what_to_do"):
            # Moments of a sentence are shown as all others are.
            assert re.sub(r"(\d)T([0-9:]{8})Z", r"\1 \2 UTC", alert[name]) in html
    assert f'<a href="/job/{job}">job {job}</a>' in html


@pytest.mark.parametrize(
    ("repeating", "words"),
    [
        ({"period": {"each": 1, "unit": "MINUTES"}}, "every minute"),
        (
            {"period": {"each": 2, "unit": "DAYS", "zone": "Europe/Madrid"}},
            "every 2 days by the clock of Europe/Madrid",
        ),
        ({"pattern": {"time": "22:44+02:00", "daily": {}}}, "every day at 22:44+02:00"),
        ({"pattern": {"time": "22:44", "daily": {}}}, "every day at 22:44 UTC"),
        (
            {"pattern": {"time": "07:00", "zone": "Asia/Tokyo", "weekly": {"days": ["MON", "FRI"]}}},
            "every week on Mon, Fri at 07:00 Asia/Tokyo",
        ),
        ({"pattern": {"time": "07:00", "monthly": {"day": 5}}}, "on day 5 of every month at 07:00 UTC"),
        (
            {"pattern": {"time": "07:00Z", "monthly": {"day": 5, "months": ["JAN", "JUL"]}}},
            "on day 5 of Jan, Jul at 07:00Z",
        ),
        ({"pattern": {"time": "07:00", "yearly": {"day": 29, "month": "FEB"}}}, "every year on 29 Feb at 07:00 UTC"),
    ],
)
def test_repetitions_in_words(db: Db, repeating: dict[str, object], words: str) -> None:
    """Every kind of repetition that a task may have is said in words."""
    db.execute("select pgjobs.check_repeating(%s)", (Jsonb(repeating),))
    assert words == db.value("select pgjobs.repeating_words(%s)", Jsonb(repeating))


def test_nothing_of_it_is_taken_for_html(web: Web, db: Db) -> None:
    """Names, hosts, sentences and schedules are text, whatever they hold."""
    daemon(db, NASTY, NASTY)
    db.execute("select pgjobs.hold_all(%s)", (NASTY,))
    db.execute("update pgjobs.retention set trouble = %s", (NASTY,))
    db.execute(
        "insert into pgjobs.agents (name, about, types, host, pid, seen_at)"
        " values (%(n)s, %(n)s, array[%(n)s], %(n)s, 1, now())",
        {"n": NASTY},
    )
    db.execute("update xmp_job_types set exchange = '', routing_key = 'q' where name = 'expired'")
    db.execute("select pgjobs.note_depths(%s)", (Jsonb([{"queue": "q", "trouble": NASTY}]),))
    db.execute(
        "insert into pgjobs.tasks (name, type, starts_at, repeating)"
        " values (%s, 'expired', now() + interval '1 day', %s)",
        (NASTY, Jsonb({"period": {"each": 1, "unit": "HOURS"}})),
    )
    db.execute("update pgjobs.task_progress set trouble = %s", (NASTY,))
    for path, times in (("/system", 8), ("/tasks", 2)):
        html = shown(web, path)
        assert "<script>alert" not in html
        assert "\u202e" not in html
        assert html.count("&lt;script&gt;alert") >= times, path

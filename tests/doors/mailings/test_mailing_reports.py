"""What is known of mailings afterwards: by mailing, by message, by client, by day; and metrics."""

import json
from datetime import date, timedelta

from fix_broker import Drain
from fix_cli import run
from fix_mailings import BAD, GOOD, Mailings, by_phone, in_seconds


def answered(mailings: Mailings) -> tuple[int, list[int]]:
    """A mailing that is done, and its three clients: one has got it, of one it failed, one was removed."""
    clients = [mailings.client(phone=f"7900000000{n}") for n in (1, 2, 3)]
    mailing = mailings.mailing()
    mailings.engine.start()
    mailings.engine.wait_until("sum(sent) = 3 from pgjobs.shards where job_id = %s", mailing)
    mailings.call("DELETE", f"/clients/{clients[2]}")
    mailings.consume(by_phone({79000000001: {**GOOD, "description": "OK", "agent": "gw"}, 79000000002: BAD}.get))
    mailings.engine.wait_status(mailing, "done")
    return mailing, clients


def day_of(mailings: Mailings, mailing: int) -> date:
    """The day in UTC on which a mailing came to its end: today, or yesterday where midnight has just passed."""
    ended = "select (max(closed_at) at time zone 'UTC')::date from pgjobs.items where job_id = %s"
    found = mailings.engine.value(ended, mailing)
    assert isinstance(found, date)
    return found


def test_everything_is_found_by_its_id(mailings: Mailings) -> None:
    """By mailing, message, number of a message and client, also of a removed client; the pages of a mailing join."""
    mailing, clients = answered(mailings)
    log = mailings.call("GET", f"/mailings/{mailing}/log/").json()
    assert ("finished", None) == (log["state"], log["next"])
    assert mailing == log["mailing"]["id"]
    assert ["SENT", "FAILED", "FAILED"] == [one["status"] for one in log["messages"]]
    assert ["SUCCESSFUL", "ERROR", "CANCELLED"] == [one["result"] for one in log["messages"]]
    assert clients == [one["client"] for one in log["messages"]]
    first = log["messages"][0]
    assert (f"{mailing}-{clients[0]}", 1, "OK", "gw") == tuple(
        first[name] for name in ("id", "attempts", "description", "agent")
    )
    assert first["queued_at"] <= first["closed_at"]
    assert {"ready", "in progress", "done"} == {event["status"] for event in log["events"] if event["status"]}
    assert 1 == len(log["log_files"])
    page = mailings.call("GET", f"/mailings/{mailing}/log?limit=2").json()
    rest = mailings.call("GET", f"/mailings/{mailing}/log?limit=2&after={page['next']}").json()
    assert log["messages"] == page["messages"] + rest["messages"]
    number = mailing << 32 | clients[0]
    for known in (first["id"], f"{first['id']}-1", number):
        assert first == mailings.call("GET", f"/messages/{known}").json()
    for client, message in zip(clients, log["messages"], strict=True):
        found = mailings.call("GET", f"/messages?client={client}").json()
        assert {"messages": [message], "next": None} == found
    assert {"messages": [], "next": None} == mailings.call("GET", "/messages/?client=999").json()
    for unknown in ("x", "0", "1-999", "999-1", "1-2-3-4", "%00", "9" * 30):
        assert 404 == mailings.call("GET", f"/messages/{unknown}").status_code, unknown


def test_a_message_that_waits_for_its_next_attempt(mailings: Mailings) -> None:
    """It is pending, and says when it is tried again and why."""
    mailings.client()
    mailing = mailings.mailing()
    mailings.consume(lambda _properties, _body: {"result": "GATEWAY_ERROR", "description": "503"})
    mailings.engine.start()
    mailings.engine.wait_until("exists (select from pgjobs.item_retries where job_id = %s)", mailing)
    (message,) = mailings.call("GET", f"/mailings/{mailing}/log").json()["messages"]
    assert ("Pending", "GATEWAY_ERROR", "503") == (message["status"], message["result"], message["description"])
    assert message["next_attempt_at"] > message["queued_at"]


def test_a_deleted_mailing_is_known_to_operators_alone(mailings: Mailings) -> None:
    """The door shows it no longer, by whatever id; the command does."""
    mailing, clients = answered(mailings)
    mailings.call("DELETE", f"/mailings/{mailing}")
    for path in (f"/mailings/{mailing}/log", f"/messages/{mailing}-{clients[0]}"):
        assert 404 == mailings.call("GET", path).status_code
    assert [] == mailings.call("GET", f"/messages?client={clients[0]}").json()["messages"]

    def shown(*options: str) -> list[dict[str, object]]:
        outcome = run("mailings", "log", *options, database_url=mailings.engine.database_url)
        assert (0, "") == (outcome.code, outcome.err)
        return [json.loads(line) for line in outcome.out.splitlines()]

    head, *messages = shown("--mailing", str(mailing))
    assert head["deleted_at"] is not None
    assert clients == [one["client"] for one in messages]
    assert [messages[0]] == shown("--message", f"{mailing}-{clients[0]}") == shown("--client", str(clients[0]))


def test_what_was_sent_late_is_told(mailings: Mailings) -> None:
    """A consumer that has sent the message of a deleted client says so too late: it stays FAILED, and the logs and the
    report count it besides, whether the mailing is deleted or not."""
    mailing, clients = answered(mailings)
    mailings.engine.wait_until("pgjobs.sent_late(%s) = 0", mailing)
    late = {"id": f"{mailing}-{clients[2]}", **GOOD}
    with Drain(mailings.engine.amqp_url) as broker:
        broker.channel.basic_publish("", mailings.replies, json.dumps(late).encode())
    mailings.engine.wait_until("pgjobs.sent_late(%s) = 1", mailing)
    assert {"FAILED": 2, "SENT": 1} == mailings.counts(mailing)
    log = mailings.call("GET", f"/mailings/{mailing}/log").json()
    assert (1, None) == (log["sent_late"], log["unknown_timezones"])
    assert [False, False, True] == [one["sent_late"] for one in log["messages"]]
    today = day_of(mailings, mailing)
    mailings.call("DELETE", f"/mailings/{mailing}")
    assert [1] == [one["sent_late"] for one in mailings.call("GET", f"/report?day={today}").json()["mailings"]]
    outcome = run("mailings", "report", "--day", str(today), database_url=mailings.engine.database_url)
    assert outcome.out.splitlines()[0].endswith("FAILED 2, SENT 1; sent late 1")


def test_a_mailing_that_reaches_nobody_says_so(mailings: Mailings) -> None:
    """In its events; one that reaches somebody says nothing of the kind."""
    mailing, _clients = answered(mailings)
    nobody = mailings.mailing(client_tag_filter="nobody")
    mailings.engine.wait_status(nobody, "done")

    def remarks(number: int) -> list[str]:
        events = mailings.call("GET", f"/mailings/{number}/log").json()["events"]
        return [event["reason"] for event in events if "nobody" in (event["reason"] or "")]

    assert ["it has reached nobody: there was no client that its filters name when it started"] == remarks(nobody)
    assert [] == remarks(mailing)


def test_the_command_needs_one_id(mailings: Mailings) -> None:
    """None, or two of them, are refused with a sentence."""
    for options in ([], ["--mailing", "1", "--client", "2"]):
        outcome = run("mailings", "log", *options, database_url=mailings.engine.database_url)
        assert 2 == outcome.code
        assert "give one of --mailing, --message and --client" in outcome.err


def test_the_report_of_a_day(mailings: Mailings) -> None:
    """Mailings that ran on the day, with what came to an end on it; other days have other ends, or none."""
    mailing, _clients = answered(mailings)
    waits = mailings.mailing(start_time=in_seconds(3000))
    today = day_of(mailings, mailing)
    said = mailings.call("GET", f"/report?day={today}").json()
    counts = [{"status": "FAILED", "count": 2}, {"status": "SENT", "count": 1}]
    assert (str(today), counts) == (said["day"], said["message_data"])
    ((number, ends),) = [(one["id"], one["message_data"]) for one in said["mailings"]]
    assert (mailing, counts) == (number, ends)
    mailings.engine.execute(
        "update pgjobs.items set closed_at = closed_at - interval '1 day' where job_id = %s and status = 's'", mailing
    )
    mailings.engine.execute(
        "update pgjobs.shards set started_at = started_at - interval '1 day' where job_id = %s", mailing
    )
    assert [counts[0]] == mailings.call("GET", f"/report?day={today}").json()["message_data"]
    yesterday = mailings.call("GET", "/report/").json()
    assert (str(today - timedelta(days=1)), [counts[1]]) == (yesterday["day"], yesterday["message_data"])
    assert [] == mailings.call("GET", "/report?day=2001-01-01").json()["mailings"]
    answer = mailings.call("GET", "/report?day=tomorrow")
    assert (400, ["day"]) == (answer.status_code, list(answer.json()))
    outcome = run("mailings", "report", "--day", str(today), database_url=mailings.engine.database_url)
    assert outcome.out.splitlines()[-1] == f"{today}, mailings: 1, messages that came to an end: FAILED 2"
    assert outcome.out.startswith(f"mailing {mailing}, 2022-12-02T16:50:00Z to ")
    assert waits not in [one["id"] for one in said["mailings"]]


def test_metrics_have_the_messages(mailings: Mailings) -> None:
    """By status, without counting anything."""
    answered(mailings)
    text = mailings.web.get("/metrics").text
    assert 'pgjobs_mailing_messages{status="SENT"} 1.0' in text
    assert 'pgjobs_mailing_messages{status="FAILED"} 2.0' in text

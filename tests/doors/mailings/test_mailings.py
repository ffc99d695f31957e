"""What becomes of mailings: who gets them and when, statistics that are exact at every moment, deletion."""

import json
from typing import Any

import pytest
from fix_broker import Drain
from fix_mailings import BAD, GOOD, Mailings, by_phone, in_seconds, noting
from fix_services import soon


def phones(mailings: Mailings) -> list[int]:
    """The phones that got a message so far, in order."""
    with Drain(mailings.engine.amqp_url) as broker:
        return sorted(mailings_of(broker, mailings.engine.queue))


def mailings_of(broker: Drain, queue: str) -> list[int]:
    """The phones in the messages of a queue."""
    return [json.loads(body)["phone"] for _, body in broker.read(queue)]


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"client_tag_filter": None, "client_operator_code_filter": None}, [1, 2, 3, 4, 5]),
        ({"client_tag_filter": "VIP"}, [1, 2]),
        ({"client_operator_code_filter": "900"}, [1, 3]),
        ({"client_tag_filter": "VIP", "client_operator_code_filter": "900"}, [1]),
        ({"client_tag_filter": "VI"}, []),
        ({"client_tag_filter": "vip"}, []),
        ({"client_tag_filter": "{VIP}"}, []),
        ({"client_tag_filter": "' or ''='"}, []),
        ({"client_operator_code_filter": "%"}, []),
    ],
)
def test_filters_are_exact_and_all_of_them_count(
    mailings: Mailings, filters: dict[str, object], chosen: list[int]
) -> None:
    """A filter names a value as it is, both mean both, and none means everybody; other entities get nothing."""
    for n, (code, tag) in enumerate([("900", "VIP"), ("901", "VIP"), ("900", None), ("9001", "VIP2"), ("9", None)], 1):
        mailings.client(phone=f"7900000000{n}", operator_code=code, tag=tag)
    mailings.engine.execute(
        'select pgjobs.put_entities(\'[{"id": "dev-1", "type": "device", "tags": ["VIP"],'
        ' "attributes": {"phone": "79000000009", "operator_code": "900"}}]\'::jsonb)'
    )
    mailing = mailings.mailing(**filters)
    mailings.engine.start()
    expected = {"Pending": len(chosen)} if chosen else {}
    mailings.engine.wait_until("status in ('in progress', 'done') from xmp_jobs where id = %s", mailing)
    mailings.becomes(mailing, expected)
    found: list[int] = []

    def are_there() -> bool:
        found.extend(phones(mailings))
        return len(found) >= len(chosen)

    assert soon(are_there)
    assert [79000000000 + n for n in chosen] == sorted(found)


def test_recipients_are_chosen_when_the_mailing_starts(mailings: Mailings) -> None:
    """Who comes before the start gets it, who is gone by then does not, and who comes later neither."""
    gone, stays = mailings.client(phone="79000000001"), mailings.client(phone="79000000002")
    mailing = mailings.mailing(start_time=in_seconds(3000), end_time=in_seconds(6000))
    mailings.call("DELETE", f"/clients/{gone}")
    mailings.client(phone="79000000003")
    mailings.call("PATCH", f"/clients/{stays}", {"phone": "79000000004"})
    assert {} == mailings.counts(mailing)
    assert 200 == mailings.call("PATCH", f"/mailings/{mailing}", {"start_time": in_seconds(-1)}).status_code
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 2})
    mailings.client(phone="79000000005")
    seen: list[dict[str, Any]] = []
    mailings.consume(noting(seen))
    mailings.engine.wait_status(mailing, "done")
    assert [79000000003, 79000000004] == sorted(body["phone"] for body in seen)
    assert {"SENT": 2} == mailings.counts(mailing)


def test_every_recipient_is_counted_from_the_first_second(mailings: Mailings) -> None:
    """Also those whose message has not gone out yet: nobody takes a message, and the backlog holds the rest back."""
    mailings.engine.execute(
        "insert into pgjobs.entities (id, type, attributes) select 'client-x' || n, 'client',"
        " jsonb_build_object('phone', '7900000' || lpad(n::text, 4, '0'), 'operator_code', '900', 'timezone', 'UTC')"
        " from generate_series(1, 1500) n"
    )
    mailings.engine.execute("update xmp_job_types set max_backlog = 5 where name = 'mailing'")
    mailing = mailings.mailing()
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 1500})
    with Drain(mailings.engine.amqp_url) as broker:
        assert broker.depth(mailings.engine.queue) < 100
    assert {"Pending": 1500} == mailings.counts()


def test_the_end_of_a_mailing(mailings: Mailings) -> None:
    """Nothing is sent after its end: what waits, and what has no answer, is counted as timed out."""
    for n in range(1, 41):
        mailings.client(phone=f"790000000{n:02}")
    mailings.engine.execute("update xmp_job_types set max_backlog = 5 where name = 'mailing'")
    mailing = mailings.mailing()
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 40})
    mailings.engine.wait_until("sum(sent) > 0 from pgjobs.shards where job_id = %s", mailing)
    # Its end comes when some messages are sent, however long that takes.
    mailings.engine.execute("update xmp_jobs set stop_at = now() where id = %s", mailing)
    mailings.engine.wait_status(mailing, "done")
    assert {"TIMEOUT": 40} == mailings.counts(mailing) == mailings.counts()
    with Drain(mailings.engine.amqp_url) as broker:
        left = len(broker.read(mailings.engine.queue))
    assert 0 < left < 40


def test_a_mailing_that_starts_after_its_end(mailings: Mailings) -> None:
    """Where no daemon lived in its time, its recipients are counted as timed out, and nothing is sent."""
    mailings.client()
    mailing = mailings.mailing(end_time=in_seconds(2))
    mailings.engine.wait_until("stop_at < pgjobs.now() from xmp_jobs where id = %s", mailing)
    mailings.engine.start()
    mailings.engine.wait_status(mailing, "done")
    assert {"TIMEOUT": 1} == mailings.counts(mailing)
    assert [] == phones(mailings)


def test_a_mailing_that_begins_late_begins(mailings: Mailings) -> None:
    """However late: its end is what counts."""
    mailings.client()
    mailing = mailings.mailing(start_time=in_seconds(3600), end_time=in_seconds(9000))
    mailings.engine.execute("set pgjobs.now = ''")
    mailings.engine.execute("update xmp_jobs set run_at = now() - interval '2 days' where id = %s", mailing)
    mailings.engine.execute("update pgjobs.shards set scheduled_at = now() - interval '3 days'")
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 1})


def test_a_mailing_that_has_started_stays_as_it_is(mailings: Mailings) -> None:
    """PUT and PATCH are 400, while it runs, when it is stopped, and when it is done."""
    mailings.client()
    mailing = mailings.mailing()
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 1})
    whole = {"start_time": in_seconds(60), "text": "other", "end_time": in_seconds(120)}
    refused = {"non_field_errors": [f"mailing {mailing} has started, and can't be changed; create a new mailing"]}

    def are_refused() -> None:
        for method, body in (("PUT", whole), ("PATCH", {"text": "other"}), ("PATCH", {})):
            answer = mailings.call(method, f"/mailings/{mailing}", body)
            assert (400, refused) == (answer.status_code, answer.json())

    are_refused()
    mailings.engine.execute("select pgjobs.stop_job(%s)", mailing)
    are_refused()
    mailings.engine.execute("select pgjobs.resume_job(%s)", mailing)
    mailings.consume(lambda _properties, _body: GOOD)
    mailings.engine.wait_status(mailing, "done")
    are_refused()
    assert "hello" == mailings.engine.value("select params ->> 'text' from xmp_jobs where id = %s", mailing)


def test_what_is_tried_again_and_what_fails(mailings: Mailings) -> None:
    """A gateway's error is tried again until it works; another failure is final."""
    mailings.engine.execute("update xmp_job_types set delay_to_retry = '20 ms' where name = 'mailing'")
    for n in (1, 2, 3):
        mailings.client(phone=f"7900000000{n}")
    mailing = mailings.mailing()
    tries: list[int] = []

    def answer(phone: int) -> object:
        tries.append(phone)
        if phone == 79000000001:
            return BAD
        return {"result": "GATEWAY_ERROR"} if phone == 79000000002 and tries.count(phone) < 4 else GOOD

    mailings.consume(by_phone(answer))
    mailings.engine.start()
    mailings.engine.wait_status(mailing, "done")
    assert {"FAILED": 1, "SENT": 2} == mailings.counts(mailing)
    assert (1, 4, 1) == tuple(tries.count(79000000000 + n) for n in (1, 2, 3))


def test_a_client_without_a_phone(mailings: Mailings) -> None:
    """One that was loaded into the directory without a right phone is counted as failed, and gets nothing."""
    mailings.engine.execute(
        "insert into pgjobs.entities (id, type, attributes) values ('a', 'client', '{}'),"
        " ('b', 'client', '{\"phone\": \"+79000000001\"}'), ('c', 'client', '{\"phone\": \"79000000002\"}')"
    )
    assert [None, "+79000000001", "79000000002"] == [one["phone"] for one in mailings.call("GET", "/clients").json()]
    mailing = mailings.mailing()
    mailings.consume(lambda _properties, _body: GOOD)
    mailings.engine.start()
    mailings.engine.wait_status(mailing, "done")
    assert {"FAILED": 2, "SENT": 1} == mailings.counts(mailing)


def test_a_deleted_mailing(mailings: Mailings) -> None:
    """One that runs is stopped first, and leaves the totals at once; its job stays, with what was sent. One that
    is over, or has not begun, leaves them as well."""
    for n in range(1, 6):
        mailings.client(phone=f"7900000000{n}")
    running, waits = mailings.mailing(), mailings.mailing(start_time=in_seconds(3000))
    consumer = mailings.consume(by_phone(lambda phone: GOOD if phone == 79000000001 else None))
    mailings.engine.start()
    mailings.becomes(running, {"Pending": 4, "SENT": 1})
    assert soon(lambda: len(consumer.seen) == 5)
    assert 2 == mailings.total()
    for left, mailing in ((1, running), (0, waits)):
        assert 204 == mailings.call("DELETE", f"/mailings/{mailing}/").status_code
        assert (left, {}) == (mailings.total(), mailings.counts())
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            assert 404 == mailings.call(method, f"/mailings/{mailing}", body).status_code
        mailings.engine.wait_status(mailing, "canceled")
    kept = mailings.engine.rows("select status::text from pgjobs.items where job_id = %s order by key", running)
    assert ["s", "c", "c", "c", "c"] == [row["status"] for row in kept]
    assert 5 == len(mailings.engine.log_lines(running))
    over = mailings.mailing(client_tag_filter="nobody")
    mailings.engine.wait_status(over, "done")
    assert 1 == mailings.total()
    assert 204 == mailings.call("DELETE", f"/mailings/{over}").status_code
    assert 0 == mailings.total()


def test_a_deleted_client(mailings: Mailings) -> None:
    """Its open messages are closed and stay counted; answers that come later change nothing, and the mailing ends."""
    clients = [mailings.client(phone=f"7900000000{n}") for n in (1, 2, 3)]
    other = mailings.mailing(client_tag_filter="nobody")
    mailing = mailings.mailing()
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 3})
    mailings.engine.wait_until("sum(sent) = 3 from pgjobs.shards where job_id = %s", mailing)
    assert 204 == mailings.call("DELETE", f"/clients/{clients[1]}").status_code
    assert {"FAILED": 1, "Pending": 2} == mailings.counts(mailing) == mailings.counted_by_hand()
    consumer = mailings.consume(lambda _properties, _body: GOOD)
    mailings.engine.wait_status(mailing, "done")
    assert {"FAILED": 1, "SENT": 2} == mailings.counts(mailing) == mailings.counts()
    assert 3 == len(consumer.seen)
    assert {} == mailings.counts(other)


def test_the_last_open_message_of_a_deleted_client(mailings: Mailings) -> None:
    """A mailing whose last open message is closed so is done."""
    client = mailings.client()
    mailing = mailings.mailing()
    mailings.engine.start()
    mailings.engine.wait_until("sum(sent) = 1 from pgjobs.shards where job_id = %s", mailing)
    assert 204 == mailings.call("DELETE", f"/clients/{client}").status_code
    mailings.engine.wait_status(mailing, "done")
    assert {"FAILED": 1} == mailings.counts(mailing) == mailings.counts()


def test_statistics_over_all_add_up(mailings: Mailings) -> None:
    """Running, done, stopped, cancelled and deleted ones: at each step the totals are what counting by hand gives."""
    for n in range(1, 5):
        mailings.client(phone=f"7900000000{n}", tag="VIP" if n > 2 else None)
    answers: dict[int, Any] = {79000000001: GOOD, 79000000002: BAD, 79000000003: GOOD}
    mailings.consume(by_phone(answers.get))
    mailings.engine.start()
    made = [mailings.mailing(**({"client_tag_filter": "VIP"} if n % 2 else {})) for n in range(6)]
    for number in made:
        mailings.becomes(
            number, {"Pending": 1, "SENT": 1} if number in made[1::2] else {"Pending": 1, "SENT": 2, "FAILED": 1}
        )

    def agree(total: int) -> None:
        # Both at one moment: a daemon may close items in between.
        before, told, after = mailings.counted_by_hand(), mailings.counts(), mailings.counted_by_hand()
        while before != after:
            before, told, after = after, mailings.counts(), mailings.counted_by_hand()
        assert before == told
        assert total == mailings.total()

    agree(6)
    mailings.engine.execute("select pgjobs.stop_job(%s)", made[0])
    agree(6)
    mailings.engine.execute("select pgjobs.cancel_job(%s)", made[1])
    agree(6)
    mailings.engine.wait_until("not exists (select from pgjobs.open_totals where job_id = %s)", made[1])
    mailings.engine.execute("update xmp_jobs set stop_at = now() where id = %s", made[2])
    mailings.engine.wait_status(made[2], "done")
    agree(6)
    mailings.engine.execute("select pgjobs.fold_counts()")
    agree(6)
    for left, number in ((5, made[2]), (4, made[1]), (3, made[0]), (2, made[3])):
        mailings.call("DELETE", f"/mailings/{number}")
        agree(left)
    mailings.engine.wait_status(made[3], "canceled")
    mailings.engine.execute("delete from xmp_jobs where id = any (%s)", [made[2], made[0], made[3]])
    agree(2)
    mailings.engine.execute("update xmp_jobs set stop_at = now() where id = %s", made[4])
    mailings.engine.wait_status(made[4], "done")
    mailings.engine.execute("delete from xmp_jobs where id = %s", made[4])
    agree(1)
    mailings.engine.execute("select pgjobs.fold_counts()")
    agree(1)

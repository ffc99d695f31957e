"""The interval of a mailing counts by the clocks of its recipients."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fix_mailings import GOOD, Mailings, by_phone, in_seconds, noting

ZONES = ["UTC", "timezone", "+05:30", "-09:30", "Etc/GMT-12"]


def around(hours: int) -> tuple[str, str]:
    """An interval of two hours around the present one, so many hours away from UTC."""
    now = datetime.now(UTC) + timedelta(hours=hours)
    return f"{now - timedelta(hours=1):%H:00}", f"{now + timedelta(hours=2):%H:00}"


def shards(mailings: Mailings, mailing: int) -> dict[str, dict[str, Any]]:
    """Its shards by their zones."""
    rows = mailings.engine.rows("select * from pgjobs.shards where job_id = %s order by shard", mailing)
    return {row["zone"]: row for row in rows}


def test_messages_go_out_at_the_hours_of_their_client(mailings: Mailings) -> None:
    """It is open in one zone and closed in the others: those wait, counted as pending, and go out when it opens there.
    What is no timezone means UTC."""
    clients = [mailings.client(phone=f"7900000000{n}", timezone=zone) for n, zone in enumerate(ZONES)]
    start, stop = around(12)
    mailing = mailings.mailing(time_interval=f"{start}-{stop}", end_time=in_seconds(200_000))
    seen: list[dict[str, Any]] = []
    mailings.consume(noting(seen))
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 4, "SENT": 1})
    assert [79000000004] == [body["phone"] for body in seen]
    assert ["-09:30", "+00:00", "+05:30", "+12:00"] == list(shards(mailings, mailing))
    mailings.engine.wait_until("pgjobs.why(%s) like 'its window is closed until %%'", mailing)
    assert 1 == mailings.call("GET", f"/mailings/{mailing}/log").json()["unknown_timezones"]
    message = mailings.call("GET", f"/messages/{seen[0]['id']}").json()
    assert (clients[4], "SENT") == (message["client"], message["status"])
    assert [message] == mailings.call("GET", f"/messages?client={clients[4]}").json()["messages"]
    assert message == mailings.call("GET", f"/messages/{mailing << 32 | clients[4]}").json()
    # The other hours.
    mailings.engine.execute(
        'update xmp_jobs set schedule = jsonb_set(schedule, \'{window}\', \'{"start": "00:00", "stop": "00:00"}\')'
        " where id = %s",
        mailing,
    )
    mailings.engine.wait_status(mailing, "done")
    assert {"SENT": 5} == mailings.counts(mailing) == mailings.counted_by_hand()
    assert {f"7900000000{n}" for n in range(5)} == {str(body["phone"]) for body in seen}


def test_each_attempt_is_made_at_these_hours(mailings: Mailings) -> None:
    """Retries and a deleted client work in all zones; each message is tried in its own shard."""
    mailings.engine.execute(
        "update xmp_job_types set delay_to_retry = '20 ms', retry_growth = 1 where name = 'mailing'"
    )
    clients = [mailings.client(phone=f"7900000000{n}", timezone=zone) for n, zone in enumerate(ZONES)]
    mailing = mailings.mailing(time_interval="00:00-00:00")
    tries: list[int] = []

    def answer(phone: int) -> object:
        tries.append(phone)
        if phone == 79000000003:
            return None
        return GOOD if tries.count(phone) == 3 else {"result": "GATEWAY_ERROR"}

    mailings.consume(by_phone(answer))
    mailings.engine.start()
    mailings.becomes(mailing, {"Pending": 1, "SENT": 4})
    assert {1, 3} == {tries.count(79000000000 + n) for n in range(5)}
    assert 204 == mailings.call("DELETE", f"/clients/{clients[3]}").status_code
    mailings.engine.wait_status(mailing, "done")
    assert {"FAILED": 1, "SENT": 4} == mailings.counts(mailing) == mailings.counted_by_hand()


def test_nobody_to_send_to(mailings: Mailings) -> None:
    """A mailing without recipients is done, whatever its interval."""
    mailing = mailings.mailing(time_interval="09:00-21:00")
    mailings.engine.start()
    mailings.engine.wait_status(mailing, "done")
    assert {} == mailings.counts(mailing)

"""A deterministic sample of an operator's database and of an injection file, at any size.

Every row follows from its number, so two samples of one size are equal. Subscriber `i` has one msisdn; about 15 %
of the retries belong to a subscriber who has another one, and about a quarter of the subscribers have paid.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from pgjobs.errors import PgjobsError

FIRST_DAY, DAYS = "2017-01-01", 30
FRESH, BLACKLISTED, POSTPAID = 300_000_000, 400_000_000, 450_000_000
"""Subscribers from here on are in no retry: new ones, blacklisted ones, postpaid ones."""

TABLES = (
    "xmp_retries_expired",
    "xmp_transactions",
    "xmp_subscriptions",
    "xmp_retries",
    "xmp_services",
    "xmp_operators",
    "xmp_operator_msisdn_prefix",
    "xmp_msisdn_blacklist",
    "xmp_msisdn_postpaid",
    "xmp_pixel_buffer",
)

# The same as msisdn() below; a step without a factor in common with 500,000,000 meets every number once.
HELPERS = """
create function pg_temp.msisdn(_i bigint) returns text language sql immutable as $$
  select '923' || lpad(((_i * 7654321 + 12345678) % 500000000)::text, 9, '0')
$$;
create function pg_temp.operator_code(_msisdn text) returns integer language sql immutable as $$
  select 41001 + substr(_msisdn, 4, 1)::integer
$$;
create function pg_temp.tid(_at timestamptz, _salt text) returns text language sql immutable as $$
  select extract(epoch from _at)::bigint || '-' || md5(_salt)::uuid
$$;
create function pg_temp.after(_part bigint, _of bigint, _days integer) returns interval language sql immutable as $$
  select make_interval(secs => trunc(_days * 86400.0 * _part / _of)::double precision)
$$
"""

RETRIES = """
insert into public.xmp_retries_expired (
  tid, created_at, updated_at, expired_at, last_pay_attempt_at, attempts_count, price, keep_days, delay_hours,
  msisdn, operator_code, country_code, id_service, id_subscription, id_campaign)
select pg_temp.tid(r.at, 'retry ' || r.g), r.at, r.at + interval '10 days', r.at + interval '10 days',
       r.at + interval '9 days 20 hours', 4 + r.g %% 20, 500 * (1 + r.g %% 5), 10, 12, r.msisdn,
       pg_temp.operator_code(r.msisdn), 92, 421 + r.g %% 5, 1000 + r.g, 290 + r.g / 7 %% 4
from (
  select g, %(first_day)s::timestamptz + pg_temp.after(g - 1, %(retries)s, %(days)s) as at,
         pg_temp.msisdn(case when g %% 20 not in (3, 11, 17) then g
                        -- Somebody from earlier on, whose own row is none of these.
                        else g * 1103515245 %% 2147483647 %% g / 20 * 20 + g / 20 %% 3 end) as msisdn
  from generate_series(1::bigint, %(retries)s) g
) r
"""

TRANSACTIONS = """
insert into public.xmp_transactions (
  created_at, sent_at, tid, msisdn, country_code, id_service, id_campaign, operator_code, id_subscription,
  operator_token, price, result)
select t.at, t.at, pg_temp.tid(t.at, 'transaction ' || t.g), t.msisdn, 92, 421 + t.g %% 5, 290 + t.g %% 4,
       pg_temp.operator_code(t.msisdn), 1000 + t.g, md5('token ' || t.g), 500 * (1 + t.g %% 5),
       (array['paid', 'failed', 'retry_failed', 'retry_failed', 'failed', 'retry_paid', 'retry_failed', 'rejected',
              'failed', 'retry_failed', 'injection_paid', 'injection_failed', 'failed', 'past', 'retry_failed',
              'canceled', 'retry_failed', 'expired_failed', 'failed', 'retry_failed'])[1 + t.g %% 20]
from (
  select g, %(first_day)s::timestamptz + pg_temp.after(g - 1, %(transactions)s, %(days)s) as at,
         pg_temp.msisdn(1 + g * 1103515245 %% 2147483647 %% %(retries)s) as msisdn
  from generate_series(1::bigint, %(transactions)s) g
) t
"""

SMALL = (
    """
insert into public.xmp_services (id, name, price)
values (421, 'Cricket', 500), (422, 'News', 1000), (423, 'Naat', 1500), (424, 'Games', 2000), (425, 'Weather', 250)
    """,
    """
insert into public.xmp_operators (name, country_code, code)
values ('Mobilink', 92, 41001), ('Zong', 92, 41002), ('Warid', 92, 41003), ('Ufone', 92, 41004), ('Telenor', 92, 41005)
    """,
    """
insert into public.xmp_operator_msisdn_prefix (operator_code, prefix)
select 41001 + g, '923' || g from generate_series(0, 4) g
    """,
    """
insert into public.xmp_msisdn_blacklist (msisdn)
select pg_temp.msisdn(%(blacklisted)s + g) from generate_series(1::bigint, 2000) g
    """,
    """
insert into public.xmp_msisdn_postpaid (msisdn)
select pg_temp.msisdn(%(postpaid)s + g) from generate_series(1::bigint, 1000) g
    """,
    # 3,200 wait for their first charge since January; the youngest 200 are too young for /api?hours=1.
    """
insert into public.xmp_subscriptions (
  tid, id_service, country_code, created_at, msisdn, operator_code, id_campaign, price, result, pixel, publisher)
select pg_temp.tid(s.at, 'subscription ' || s.g), 421 + s.g %% 5, 92, s.at, s.msisdn, pg_temp.operator_code(s.msisdn),
       290 + s.g %% 4, 500, case when s.g %% 3 = 0 and s.g <= 4800 then 'paid' else '' end,
       md5('pixel ' || s.g), 'Kimia'
from (
  select g, pg_temp.msisdn(g) as msisdn,
         case when g <= 4800 then %(first_day)s::timestamptz + make_interval(mins => g::integer) else now() end as at
  from generate_series(1::bigint, 5000) g
) s
    """,
    """
insert into public.xmp_retries (tid, msisdn, price, operator_code, country_code, id_service, id_campaign)
select md5('waiting ' || g), pg_temp.msisdn(g), 500, 41001, 92, 421, 290 from generate_series(1::bigint, 5000) g
    """,
    """
insert into public.xmp_pixel_buffer (id_campaign, tid, pixel)
select 290, md5('buffer ' || g), md5('pixel ' || g) from generate_series(1, 100) g
    """,
)

INDEXES = """
select pg_get_indexdef(i.indexrelid), format('drop index %%s', i.indexrelid::regclass)
from pg_index i
join pg_class c on c.oid = i.indexrelid
where i.indrelid = any (%s::regclass[]) and c.relname like 'pgjobs\\_%%'
"""


def load(url: str, retries: int = 200_000, transactions: int = 400_000) -> None:
    """Fill the operator's tables of a migrated database, which have to be empty."""
    numbers = {
        "retries": retries,
        "transactions": transactions,
        "first_day": f"{FIRST_DAY} 00:00Z",
        "days": DAYS,
        "blacklisted": BLACKLISTED,
        "postpaid": POSTPAID,
    }
    with psycopg.connect(url, options="-c timezone=UTC -c maintenance_work_mem=512MB") as connection:
        for table in TABLES:
            if connection.execute(f"select from public.{table} limit 1").fetchone() is not None:
                raise PgjobsError(f"{table} holds rows already", "load the sample into an empty database")
        connection.execute(HELPERS)
        # Building an index once at the end is several times faster than keeping it up row by row.
        indexes = connection.execute(INDEXES, ([f"public.{table}" for table in TABLES],)).fetchall()
        for _, drop in indexes:
            connection.execute(drop)
        for statement in (RETRIES, TRANSACTIONS, *SMALL):
            connection.execute(statement, numbers)
        for create, _ in indexes:
            connection.execute(create)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"vacuum (analyze) {', '.join(f'public.{table}' for table in TABLES)}")


def msisdn(subscriber: int) -> bytes:
    """The number of a subscriber, as in the database."""
    return b"923%09d" % ((subscriber * 7654321 + 12345678) % 500_000_000)


def write_injection_file(path: Path, lines: int = 20_000, retries: int = 200_000) -> None:
    """An injection file: a byte order mark, a header, and lines of which about every sixth has something odd."""
    with path.open("wb") as file:
        file.write(b"\xef\xbb\xbfmsisdn;comment\n")
        file.writelines(_line(number, retries) for number in range(2, lines + 1))


def _line(number: int, retries: int) -> bytes:
    good = msisdn(FRESH + number)
    paid = msisdn(1 + number * 20 * 1103515245 % 2147483647 % retries)
    odd = {
        0: good + b"000000000000\n",  # too long
        1: good[:4] + b"\n",  # too short
        2: b"8613" + good[3:] + b"\n",  # not of this country
        3: msisdn(FRESH + number - 50) + b"\n",  # a duplicate of the line 50 above
        4: b'"%s"\n' % msisdn(FRESH + number - 50),  # the same in quotes
        5: msisdn(BLACKLISTED + 1 + number % 2000) + b"\n",
        6: msisdn(POSTPAID + 1 + number % 1000) + b"\n",
        7: paid + b"\n",
        8: b'"%s","quoted, with a comma"\n' % good,
        9: good + b"\r\n",
        10: b"   %s \t\n" % good,
        11: b"\n",
        12: good[:6] + b"\0" + good[6:] + b"\n",  # a NUL
        13: good[:6] + b"\xff\xfe" + good[6:] + b"\n",  # not UTF-8
        14: good[:6] + b"abc" + good[6:] + b"\n",
        15: b"+" + good + b";called twice\n",
        16: "тест".encode() + b"\n",
        17: good + b"\0\n",  # a NUL behind it
    }
    return odd.get(number % 100, good + b"\n")

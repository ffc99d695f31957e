"""What a job should do, in plain Python from the contract alone: the oracle of the property tests.

Nothing is shared with the engine, not even a constant. A run is told as phases: what is known when it starts or goes
on, and the key behind which it was stopped.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

OFFICIALLY_PAID = {"paid", "retry_paid", "injection_paid", "expired_paid"}


@dataclasses.dataclass(frozen=True)
class Retry:
    """A row of xmp_retries_expired."""

    id: int
    msisdn: str
    created_at: dt.datetime
    service: int
    campaign: int


@dataclasses.dataclass(frozen=True)
class Transaction:
    """A row of xmp_transactions."""

    msisdn: str
    result: str
    sent_at: dt.datetime


@dataclasses.dataclass(frozen=True)
class Params:
    """The parameters of a job, read; None where they are not given."""

    date_from: dt.datetime | None = None
    date_to: dt.datetime | None = None
    count: int | None = None
    offset: int = 0
    descending: bool = False
    never: bool = False
    last_charge_at: dt.datetime | None = None
    service: int | None = None
    campaign: int | None = None
    prefix: str = "92"


@dataclasses.dataclass(frozen=True)
class Phase:
    """From a start or resume to the next stop: the transactions known by then, the last key considered."""

    transactions: Sequence[Transaction]
    until: int | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What becomes of one considered record."""

    key: int
    msg: bytes
    reason: str | None


def has_paid(msisdn: str, params: Params, transactions: Sequence[Transaction]) -> bool:
    """Whether an official payment keeps this msisdn out of the job."""
    paid_at = [t.sent_at for t in transactions if t.msisdn == msisdn and t.result in OFFICIALLY_PAID]
    since = params.last_charge_at
    return bool(paid_at) if params.never else since is not None and any(at > since for at in paid_at)


def expired(retries: Sequence[Retry], params: Params, phases: Sequence[Phase]) -> list[Outcome]:
    """The considered rows of an expired job, in its order."""
    wanted = [row for row in retries if _wanted(row, params)]
    wanted.sort(key=lambda row: row.id, reverse=params.descending)
    firsts: dict[str, int] = {}
    for row in wanted:
        firsts.setdefault(row.msisdn, row.id)
    outcomes: list[Outcome] = []
    to_pass_over, left = params.offset, params.count
    for row, phase in _in_phases(wanted, phases, descending=params.descending):
        if has_paid(row.msisdn, params, phase.transactions):
            continue
        duplicate = firsts[row.msisdn] != row.id
        if to_pass_over:
            to_pass_over -= not duplicate
            continue
        if left == 0:
            break
        outcomes.append(Outcome(row.id, row.msisdn.encode(), "duplicate" if duplicate else None))
        if left is not None and not duplicate:
            left -= 1
    return outcomes


def _wanted(row: Retry, params: Params) -> bool:
    return (
        (params.date_from is None or row.created_at >= params.date_from)
        and (params.date_to is None or row.created_at < params.date_to)
        and params.service in (None, row.service)
        and params.campaign in (None, row.campaign)
    )


def _in_phases(rows: Sequence[Retry], phases: Sequence[Phase], *, descending: bool) -> Iterator[tuple[Retry, Phase]]:
    """Each row with the phase that considers it."""
    at = 0
    for row in rows:
        while (until := phases[at].until) is not None and (row.id < until if descending else row.id > until):
            at += 1
        yield row, phases[at]


def injection(
    content: bytes,
    params: Params,
    phases: Sequence[Phase],
    blacklisted: frozenset[str] = frozenset(),
    postpaid: frozenset[str] = frozenset(),
) -> list[Outcome]:
    """The considered lines of an injection job, in the file's order."""
    lines = split_lines(content)
    last = len(lines) if params.count is None else min(len(lines), params.offset + params.count)
    outcomes: list[Outcome] = []
    seen: set[str] = set()
    at = 0
    for number in range(params.offset + 1, last + 1):
        while (until := phases[at].until) is not None and number > until:
            at += 1
        line = lines[number - 1]
        msisdn = msisdn_of(line)
        checks = [
            (number == len(lines) and not content.endswith(b"\n"), "Incomplete last line"),
            (len(msisdn) > 20, f"Too long msisdn, length: {len(msisdn)}"),
            (len(msisdn) < 5, f"Too short msisdn, length: {len(msisdn)}"),
            (not msisdn.startswith(params.prefix), f"Wrong prefix: {msisdn}"),
            (any(char not in "0123456789" for char in msisdn), f"Not a number: {msisdn}"),
            (msisdn in seen, "duplicate"),
            (has_paid(msisdn, params, phases[at].transactions), "Already paid"),
            (msisdn in blacklisted, "Blacklisted"),
            (msisdn in postpaid, "Postpaid"),
        ]
        outcomes.append(Outcome(number, line, next((reason for fails, reason in checks if fails), None)))
        seen.add(msisdn)
    return outcomes


def split_lines(content: bytes) -> list[bytes]:
    """The lines of a file as an editor shows them."""
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def msisdn_of(line: bytes) -> str:
    """The first column without what is not a digit at both ends; what can't be shown within is a blank."""
    start = line.lstrip(b" \t\r\v\f")
    if start.startswith(b'"') and b'"' in start[1:]:
        column = start[1:].partition(b'"')[0]
    else:
        column = line
        for separator in b",;\t":
            column = column.partition(bytes([separator]))[0]
    digits = [at for at, byte in enumerate(column) if chr(byte) in "0123456789"]
    if not digits:
        return ""
    inner = column[digits[0] : digits[-1] + 1]
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else " " for byte in inner)


def counts(outcomes: Sequence[Outcome]) -> Mapping[tuple[str, str | None], int]:
    """How many records have which outcome; reasons without their particulars."""
    found: dict[tuple[str, str | None], int] = {}
    for outcome in outcomes:
        reason = outcome.reason and outcome.reason.partition(":")[0].partition(",")[0]
        name = ("sent" if reason is None else "skip", reason)
        found[name] = found.get(name, 0) + 1
    return found

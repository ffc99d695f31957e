"""Judge the items: closed once, none open, counted right, tried by the rules, and nothing that was said forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pgjobs.joblog.verify import examine
from pgjobs.torture.oracle import Certificate
from pgjobs.torture.place import Place
from pgjobs.torture.tracked.between import FAULTS
from pgjobs.torture.tracked.book import Book, Copy
from pgjobs.torture.tracked.conduct import PATIENT, RETRIES, TAKEN

AUDIT = """
create table public.torture_items (
  id bigint generated always as identity primary key, at timestamptz not null default clock_timestamp(), job_id bigint,
  key bigint, was text, became text, attempts integer, former integer, early boolean, kept boolean, result text);
create function public.torture_items() returns trigger language plpgsql as $$
begin
  insert into public.torture_items (job_id, key, was, became, attempts, former, early, kept, result)
  values (new.job_id, new.key, old.status, new.status, new.attempts, old.attempts, old.answer is not null,
          new.answer is not null and new.status in ('w', 'r'), new.result);
  return null;
end
$$;
create trigger torture_items after update on pgjobs.items for each row
when (old.status is distinct from new.status or old.answer is distinct from new.answer
      or old.attempts is distinct from new.attempts)
execute function public.torture_items();
"""
"""Whatever happens to an item, in a log that is no part of the engine."""
OPEN = "wlr"
JOBS = """
select j.id, j.type::text, j.status::text, c.job_id is not null as cancelled, c.closed_at is not null as closed
from public.xmp_jobs j left join pgjobs.cancellations c on c.job_id = j.id
where left(j.type::text, 8) = 'torture_' order by j.id
"""
ITEMS = "select key, status::text, attempts, result from pgjobs.items where job_id = %s"
COUNTS = "select status::text, sum(n)::bigint from pgjobs.item_counts where job_id = %s group by 1"
HISTORY = """
select key, was, became, attempts, former, early, kept, result from public.torture_items where job_id = %s order by id
"""
RANGES = """
select case when after_key < to_key then after_key else to_key end,
  case when after_key > to_key then after_key else to_key end, after_key is null
from pgjobs.job_uncertain where job_id = %s
"""
LEFT = """
select (select count(*) from pgjobs.item_retries where job_id = %s),
  (select count(*) from pgjobs.item_offers where job_id = %s)
"""
REPLY_FAULTS = "select kind, n, sample from pgjobs.reply_faults order by kind"

Item = tuple[str, int, str | None]
"""Its status, its attempts and its result."""


@dataclass(frozen=True)
class Step:
    """One change of an item."""

    was: str
    became: str
    attempts: int
    former: int
    early: bool
    kept: bool
    result: str | None

    @property
    def answered(self) -> bool:
        """Whether an answer has made it: at once, or kept until the launch is accounted for."""
        if self.kept and not self.early:
            return True
        by_answer = self.was in "lr" and self.became in "sfr" and self.was != self.became
        return by_answer and not self.early and self.result != "ERROR_TIMEOUT"


def judge(place: Place, book: Book, expected: Mapping[int, Collection[int]], certificate: Certificate) -> Counter[str]:
    """Judge every tracked job; the violations go into the certificate. Answers with what was counted."""
    figures: Counter[str] = Counter()
    for job, job_type, status, cancelled, closed in place.rows(JOBS):
        figures["jobs"] += 1
        figures["cancelled jobs"] += cancelled
        if (status, closed) not in (("done", False), ("canceled", True)):
            certificate.violations.append(f"job {job} is {status}, and neither done nor cancelled and closed")
        _Job(place, book, certificate, job, job_type, cancelled=cancelled).judge(expected[job], figures)
        verdict = asyncio.run(examine(place.daemon_url, job))
        certificate.violations += verdict.findings
    for kind, number, sample in place.rows(REPLY_FAULTS):
        figures["useless answers"] += number
        if kind not in FAULTS:
            certificate.violations.append(f"{number} answers were counted as {kind}, such as {sample!r}")
    certificate.violations += book.findings
    certificate.close()
    return figures


class _Job:
    """One job: its items, their history, and what was seen and said of them."""

    def __init__(
        self, place: Place, book: Book, certificate: Certificate, job: int, job_type: str, *, cancelled: bool
    ) -> None:
        self._place = place
        self._book = book
        self._certificate = certificate
        self._id = job
        self._type = job_type
        self._cancelled = cancelled

    def judge(self, expected: Collection[int], figures: Counter[str]) -> None:
        """Judge all of it."""
        items: dict[int, Item] = {row[0]: row[1:] for row in self._place.rows(ITEMS, self._id)}
        history: dict[int, list[Step]] = {}
        for key, *step in self._place.rows(HISTORY, self._id):
            history.setdefault(key, []).append(Step(*step))
        if items or not self._cancelled:
            # A job that is cancelled before it begins has none.
            for key in set(expected) ^ items.keys():
                self._note("records without an item" if key in expected else "items of records nobody selected", key)
        for key, item in items.items():
            self._item(key, item, history.get(key, []))
            figures["items"] += 1
            figures[item[0]] += 1
            figures["attempts"] += item[1]
        self._messages(items, figures)
        self._counters(items, history, figures)

    def _note(self, kind: str, key: object) -> None:
        self._certificate.note(f"job {self._id} ({self._type}): {kind}", key)

    def _item(self, key: int, item: Item, steps: list[Step]) -> None:
        """One item: closed once, tried by the rules, and closed as it was answered."""
        status, attempts, result = item
        kinds = [*self._closing(status, steps), *self._trying(status, attempts, steps), *self._outcome(key, status)]
        if status == "x" or (status == "c") > self._cancelled or (status == "t" and self._type == PATIENT):
            kinds.append(f"items that ended as {status} ({result})")
        for kind in kinds:
            self._note(kind, key)
        for step in steps:
            attempt = (self._id, key, step.attempts)
            if step.became == "l" and attempt not in self._book.seen and not self._untaken(step, steps):
                self._note("attempts that no agent has seen", f"{key}-{step.attempts}")

    @staticmethod
    def _closing(status: str, steps: list[Step]) -> Iterator[str]:
        if status in OPEN:
            yield "items that are open for ever"
        if any(step.was not in OPEN and step.was != step.became for step in steps):
            yield "items that were closed and changed again"
        if sum(step.was in OPEN and step.became not in OPEN for step in steps) != (status not in OPEN):
            yield "items that were not closed once"

    def _trying(self, status: str, attempts: int, steps: list[Step]) -> Iterator[str]:
        most = 1 + RETRIES[self._type]
        if any(step.attempts - step.former not in (0, 1) for step in steps) or attempts > most:
            yield "items with too many attempts"
        if sum(step.attempts - step.former for step in steps) != attempts:
            yield "items whose attempts are not those that were made"
        if status in "ft" and attempts != most:
            yield "items that were given up before their last attempt"

    def _outcome(self, key: int, status: str) -> Iterator[str]:
        answers = self._book.answers.get((self._id, key), [])
        # A failed answer is that of its own attempt, however often it comes.
        in_time = self._type == PATIENT and any(good for _, good in answers)
        if in_time and status not in "sc":
            yield "items that were answered good in time and are not"
        if status == "s" and (self._id, key) not in self._book.good:
            yield "items that are good and were never answered so"

    def _untaken(self, step: Step, steps: list[Step]) -> bool:
        """Whether an attempt may have ended before anybody took it by SQL: an answer to the one before ends it, too."""
        return self._type == TAKEN and bool(steps[steps.index(step) + 1 :])

    def _messages(self, items: Mapping[int, Item], figures: Counter[str]) -> None:
        """Each message belongs to an attempt, and comes again only where that was reported, and marked."""
        ranges = self._place.rows(RANGES, self._id)
        for (job, key, attempt), copies in self._book.seen.items():
            if job != self._id:
                continue
            uncertain = any(first or least <= key <= greatest for least, greatest, first in ranges)
            if key not in items:
                self._note("messages without an item", key)
            elif attempt > items[key][1] and not uncertain:
                self._note("messages of attempts that were not counted", f"{key}-{attempt}")
            figures["messages"] += len(copies)
            figures["sent again"] += max(0, len(copies) - 1)
            for sentence in _copies(copies, uncertain=uncertain):
                self._note(sentence, f"{key}-{attempt}")

    def _counters(self, items: Mapping[int, Item], history: Mapping[int, list[Step]], figures: Counter[str]) -> None:
        kept = {status: n for status, n in self._place.rows(COUNTS, self._id) if n}
        counted = Counter(item[0] for item in items.values())
        if {status: n for status, n in kept.items() if status not in "GBDS"} != counted:
            self._certificate.violations.append(
                f"job {self._id}: the counters are {kept}, a count gives {dict(counted)}"
            )
        retries, offers = self._place.rows(LEFT, self._id, self._id)[0]
        if retries or offers:
            self._certificate.violations.append(f"job {self._id}: {retries} retries and {offers} offers are left over")
        given = sum(len(said) for (job, _), said in self._book.answers.items() if job == self._id)
        used = sum(step.answered for steps in history.values() for step in steps)
        vain = sum(kept.get(kind, 0) for kind in "GBD")
        figures["late answers"] += kept.get("G", 0) + kept.get("B", 0)
        figures["repeated answers"] += kept.get("D", 0)
        if used + vain < given:
            self._certificate.violations.append(
                f"job {self._id} ({self._type}): {given} answers were given, {used} counted, {vain} late or repeated"
            )


def _copies(copies: list[Copy], *, uncertain: bool) -> Iterator[str]:
    """What is wrong with the copies of one message."""
    marked = sum(copy.marked for copy in copies)
    if marked and not uncertain:
        yield "messages marked as maybe a duplicate outside the uncertain ranges"
    unmarked = Counter(copy.generation for copy in copies if not copy.marked)
    if max(unmarked.values(), default=0) > 1:
        yield "messages sent again without the header x-maybe-duplicate"

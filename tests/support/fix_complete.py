"""Checks of a job whose records are 1 to a number: all of them were sent, logged and counted."""

from collections import Counter

from fix_daemon import Engine, unmarked_copies


def check_complete(engine: Engine, job: int, number: int) -> None:
    """All records of an expired job were sent and logged, once and unmarked."""
    messages = engine.drain()
    assert list(range(1, number + 1)) == [message.key for message in messages]
    assert not [message for message in messages if message.marked]
    assert list(range(1, number + 1)) == [line.key for line in engine.log_lines(job)]
    assert (number, number, 0, 0) == tuple(vars(engine.counters(job)).values())


def check_recovered(engine: Engine, job: int, number: int) -> None:
    """All records were sent and logged once; what was uncertain may have been sent twice."""
    messages = engine.drain()
    uncertain = engine.uncertain(job)
    copies = Counter(message.key for message in messages)
    assert set(range(1, number + 1)) == set(copies)
    assert [key for key, n in copies.items() if n > 1 and not uncertain(key)] == []
    assert [message.key for message in messages if message.marked and not uncertain(message.key)] == []
    assert unmarked_copies(messages) == []
    assert list(range(1, number + 1)) == [line.key for line in engine.log_lines(job)]
    assert (number, number, 0, 0) == tuple(vars(engine.counters(job)).values())

"""Mutants of messages: ids that name the wrong thing, routes that are forgotten, bodies that nobody has looked at."""

from __future__ import annotations

from mutants.table import Edit, Mutant

KEYED = "pgjobs/broker/formats/keyed.py"
CELERY = "pgjobs/broker/formats/celery.py"
TESTS = "tests/broker/test_formats.py"
OF_CELERY = "tests/broker/test_celery_format.py"
OF_PIKA = (f"{TESTS}::test_messages_are_those_of_pika", f"{TESTS}::test_an_attempt_names_itself_and_its_record")

FORMATS = (
    Mutant(
        "f-item",
        "the correlation id names the record",
        (Edit(KEYED, "zip(keys, keys, strict=True)", "zip([keys[0]] * len(keys), keys, strict=True)"),),
        OF_PIKA,
    ),
    Mutant(
        "f-attempt",
        "the message id names the attempt",
        (Edit(KEYED, 'suffix = b"-%d" % self._attempt', 'suffix = b""'),),
        OF_PIKA,
    ),
    Mutant(
        "f-route",
        "a record goes where it says",
        (Edit(KEYED, "map(ROUTING_KEY, run)", "[None] * len(run)"),),
        (OF_PIKA[0],),
    ),
    Mutant(
        "f-task-id",
        "a further attempt of a task has an id of its own",
        (Edit(CELERY, "if self._attempt == 1 else name", "if self._attempt else name"),),
        (f"{OF_CELERY}::test_messages_are_those_of_celery", f"{OF_CELERY}::test_ids_of_attempts"),
    ),
    Mutant(
        "f-answer",
        "a worker answers although its task has no use for results",
        (Edit(CELERY, "is not None or not self._reply_to else False", "is not None or True else False"),),
        (f"{OF_CELERY}::test_messages_are_those_of_celery", f"{OF_CELERY}::test_a_worker_reads_what_is_sent"),
    ),
    Mutant(
        "f-moment",
        "a moment that a worker can't read makes its record unfit",
        (
            Edit(
                "pgjobs/broker/formats/task.py",
                "    except (ValueError, OverflowError):\n        pass\n",
                "    except OverflowError:\n        pass\n    except ValueError:\n        return str(value)\n",
            ),
        ),
        (f"{OF_CELERY}::test_a_body_that_is_no_task",),
    ),
    Mutant(
        "f-unfit",
        "a record that its format can't send is skipped, and the others go",
        (
            Edit(
                "pgjobs/engine/window.py",
                "        unfit = check(wanted) if good else",
                "        unfit = {} if good else",
            ),
        ),
        ("tests/engine/test_selectors.py::test_a_routing_key_for_each_record",),
    ),
)

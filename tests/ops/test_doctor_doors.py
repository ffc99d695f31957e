"""`pgjobs doctor` and the job types that HTTP doors offer."""

import pytest
from fix_doctor import Examine, about
from fix_operations import Operations


def test_operations_that_can_be_asked_for(operations: Operations, examine: Examine) -> None:
    """Types whose schema is one, that are tracked and whose params have what the door writes, are well."""
    operations.made(active=False)
    found = about(examine(), "doors")
    assert ("ok", "job types that are offered and can be asked for: 4") == (found.level, found.sentence)


@pytest.mark.parametrize(
    ("change", "words", "remedy"),
    [
        ('params_schema = \'{"type": "device"}\'', "the JSON Schema of this type is wrong", "mend params_schema"),
        ('params_schema = \'{"pattern": "(("}\'', "pattern", "mend params_schema"),
        ('params_schema = \'{"items": {"$ref": "http://127.0.0.1:9/"}}\'', "127.0.0.1:9", "mend params_schema"),
        ('params_schema = \'{"$ref": "#/$defs/nothere"}\'', "/$defs/nothere", "mend params_schema"),
        ("tracked = false", "it is offered as an operation and is not tracked", "set tracked"),
        ("params = '{parameters,tags}'", "its params lack filter, listed, resource_type", "add them to params"),
    ],
)
def test_an_operation_that_would_be_refused_is_told(
    operations: Operations, examine: Examine, change: str, words: str, remedy: str
) -> None:
    """Whoever looks after the types learns it before a caller does."""
    operations.engine.execute(f"update xmp_job_types set {change} where name = 'reboot'")  # noqa: S608 the test's own
    found = about(examine(), "doors")
    assert "problem" == found.level
    assert found.sentence.startswith("reboot: ")
    assert (True, True) == (words in found.sentence, remedy in found.remedy)

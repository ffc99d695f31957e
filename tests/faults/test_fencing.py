"""T6: an owner falls silent and wakes up again; whoever took over is not disturbed."""

import pytest
from fix_torture import quiet

from pgjobs.lab.services import Services
from pgjobs.torture.parts.fencing import fencing


@pytest.mark.long
def test_directed_fencing(own_servers: Services) -> None:
    """Six silent owners, half of them without self-fencing: the last key never goes back, a stale owner writes
    nothing, and at most two windows come twice."""
    result = fencing(6, quiet, own_servers)
    assert result.good, (result.findings, result.figures, result.certificate)
    assert 0 == result.figures["writes of a stale owner"]
    assert {"SIGSTOP": 2, "SIGSTOP, no self-fencing": 2, "cut off": 1, "cut off, no self-fencing": 1} == result.figures[
        "kinds"
    ]
    assert result.certificate is not None
    assert 6 <= result.certificate.ranges
    assert result.certificate.duplicated <= 6 * 2 * 20

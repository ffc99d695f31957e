"""The verdict about the log of a job, printed in words or as JSON."""

from __future__ import annotations

import json

from pgjobs.joblog.verify import examine
from pgjobs.ops.printed import say
from pgjobs.settings import Settings
from pgjobs.words import visible

NOT_HERE = 3
"""Exit code where nothing disagrees and not everything can be checked, here or any more; 2 is a wrong setting."""


async def verify(settings: Settings, job_id: int, *, as_json: bool = False) -> int:
    """Check a job and print the verdict; 0: everything agrees, 1: it does not, 3: a part can't be checked."""
    verdict = await examine(settings.database_url, job_id, settings.log_host)
    say([json.dumps(vars(verdict))] if as_json else map(visible, verdict.words()))
    return 1 if verdict.findings else NOT_HERE if verdict.elsewhere or verdict.cleared else 0

"""The other half of `workers.run_script`: get ready, wait for the word, run, say what it took."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from pgjobs.bench.meter import peak_mb


def play(run: Callable[[], int]) -> None:
    """Run once after a line on stdin; one line of JSON on stdout tells count, seconds, processor time and memory."""
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu = time.monotonic(), time.process_time()
    count = run()
    answer = {
        "count": count,
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(answer), flush=True)

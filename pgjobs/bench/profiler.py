"""A flame graph of the daemon, drawn by py-spy while a measurement runs."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pgjobs.bench.workers import BenchError


def find() -> str:
    """The profiler's program."""
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        raise BenchError("py-spy is not installed", "pip install 'pgjobs[bench]'")
    return program


@contextlib.contextmanager
def recording(pid: int, target: Path) -> Iterator[None]:
    """Record while the block runs; the graph is an SVG, or folded stacks where the name ends with .txt."""
    program = find()
    target.unlink(missing_ok=True)
    form = "raw" if target.suffix == ".txt" else "flamegraph"
    command = [program, "record", "--pid", str(pid), "--output", str(target), "--format", form, "--rate", "200"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
    if not target.exists():
        words = errors.decode(errors="replace").strip().splitlines()
        raise BenchError(f"py-spy drew nothing: {words[-1] if words else 'no reason given'}", "it needs ptrace rights")

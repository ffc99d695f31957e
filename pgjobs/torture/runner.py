"""`pgjobs torture`: a random run, one directed part, or the long programme of them all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from pgjobs.errors import PgjobsError
from pgjobs.torture import chaos, report, schedule
from pgjobs.torture.parts import broker, cuts, fencing, rolling
from pgjobs.torture.parts.trial import Result
from pgjobs.torture.verdict import Verdict

ROUND = 300
TRACKED = "tracked"
"""The part in which the faults of the random run meet tracked jobs alone."""
Part = Callable[[int, chaos.Tell], Result]
PARTS: dict[str, tuple[int, Part]] = {
    "t3": (50, lambda times, tell: broker.kills(times, tell, "quorum")),
    "t3-classic": (50, lambda times, tell: broker.kills(times, tell, "classic")),
    "t5": (10, broker.alarm),
    "t6": (70, fencing.fencing),
    "t7": (200, cuts.cuts),
    "outages": (60, cuts.outages),
    "rolling": (600, rolling.rolling),
}
"""By name: how often (outages and rolling: for how many seconds) in the long programme, and the part."""


def run(
    *,
    seed: int | None,
    minutes: float,
    faults: int | None,
    daemons: int,
    queue: str,
    part: str,
    times: int | None,
    json: Path | None,
) -> int:
    """Torture, tell, and answer 0 only when every promise was kept."""
    chosen = seed if seed is not None else random.SystemRandom().randrange(10**6)
    progress = report.Progress()
    if queue not in ("quorum", "classic"):
        raise PgjobsError(f"--queue {queue!r}: there is no such type of queue", "it is quorum or classic")
    if part in ("", TRACKED):
        count = faults if faults is not None else int(minutes * 60 / schedule.GAP_SECONDS)
        seconds = minutes * 60 if faults is None else faults * schedule.GAP_SECONDS
        verdict = chaos.run(chosen, count, seconds, daemons=daemons, queue=queue, alone=part == TRACKED, tell=progress)
        return _told(verdict, progress, json, again=f"--faults {count} --daemons {daemons}")
    if part == "soak":
        return _soak(chosen, faults if faults is not None else 3000, times, progress, json)
    if part not in PARTS:
        raise PgjobsError(f"there is no part {part!r}", f"the parts are {', '.join(PARTS)}, {TRACKED} and soak")
    result = PARTS[part][1](times or PARTS[part][0], progress)
    progress.clear()
    _say(result)
    report.write(json, [_as_json(result)])
    return 0 if result.good else 1


def _told(verdict: Verdict, progress: report.Progress, json: Path | None, again: str) -> int:
    progress.clear()
    for line in report.certificate(verdict):
        typer.echo(line)
    if not verdict.good:
        part = f" --part {TRACKED}" if verdict.alone else ""
        typer.echo(f"  the same again: pgjobs torture --seed {verdict.seed} {again} --queue {verdict.queue}{part}")
    report.write(json, report.as_json(verdict))
    return 0 if verdict.good else 1


def _soak(seed: int, faults: int, times: int | None, progress: report.Progress, json: Path | None) -> int:
    """Everything, one after the other; what is found is told at once, and nothing stops the rest."""
    results: list[dict[str, Any]] = []
    good = True
    rounds = [(min(ROUND, faults - done), False) for done in range(0, faults, ROUND)]
    for number, (count, alone) in enumerate([*rounds, (min(ROUND, faults), True)]):
        queue = ("quorum", "classic")[number % 2]
        seconds = count * schedule.GAP_SECONDS
        verdict = chaos.run(seed + number, count, seconds, queue=queue, alone=alone, tell=progress)
        progress.clear()
        for line in report.certificate(verdict):
            typer.echo(line)
        good = good and verdict.good
        results.append({"part": TRACKED if alone else "t2", **report.as_json(verdict)})
        report.write(json, results)
    for name, (usual, part) in PARTS.items():
        try:
            result = part(times or usual, progress)
        except PgjobsError as error:
            result = Result(name, "could not run here", 0, findings=[error.sentence])
        progress.clear()
        _say(result)
        good = good and result.good
        results.append(_as_json(result))
        report.write(json, results)
    return 0 if good else 1


def _say(result: Result) -> None:
    """A part as a row, with its figures and findings below."""
    typer.echo(f"{result.part:12} {result.what}, {result.times:,} times, {result.seconds:,.0f} s")
    for name, value in result.figures.items():
        typer.echo(f"    {name}: {value:,}" if isinstance(value, int | float) else f"    {name}: {value}")
    for sentence in _sentences(result):
        typer.echo(f"    VIOLATION   {sentence}")
    typer.echo("    every promise was kept" if result.good else "    NOT every promise was kept")


def _sentences(result: Result) -> list[str]:
    return result.findings + (result.certificate.violations if result.certificate else [])


def _as_json(result: Result) -> dict[str, Any]:
    story = asdict(result)
    story.pop("certificate")
    return story | {"findings": _sentences(result)}

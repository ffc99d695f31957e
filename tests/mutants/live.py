"""Mutants of what moves on the jobs page: the hub, its viewers, and what is told of a job."""

from __future__ import annotations

from mutants.table import Edit, Mutant

HUB, VIEWER = (f"pgjobs/web/doors/page/{name}.py" for name in ("hub", "viewer"))
TOLD = "sql/doors/page/page_progress.sql"
HUBS, MAIL, PROGRESS = (f"tests/doors/page/test_live_{name}.py" for name in ("hub", "viewer", "progress"))
LIVE = (
    Mutant(
        "w-live-newest",
        "whoever reads slowly is told the newest state, not all of them",
        (Edit(VIEWER, "            self._unread[about] = what\n", "            self._unread[what.id] = what\n"),),
        (f"{HUBS}::test_a_slow_viewer_slows_nobody", f"{MAIL}::test_only_the_newest_about_a_job_is_kept"),
    ),
    Mutant(
        "w-live-token",
        "a token that is dropped ends its streams",
        (Edit(HUB, "            if viewer.token in tokens:\n", "            if viewer.token is None in tokens:\n"),),
        (f"{HUBS}::test_a_dropped_token_ends_its_streams",),
    ),
    Mutant(
        "w-live-missed",
        "what changed while the connection was lost is told",
        (
            Edit(
                HUB,
                "            watched.told, watched.due = {}, -math.inf\n",
                "            watched.due = watched.due + 3600\n",
            ),
        ),
        (f"{HUBS}::test_a_killed_connection_is_made_anew",),
    ),
    Mutant(
        "w-live-eta",
        "what is paused or stopped has no moment at which it is through",
        (Edit(TOLD, "then s.eta when 'waiting'", "then s.eta when 'stopping' then s.eta when 'waiting'"),),
        (f"{PROGRESS}::test_what_is_paused_has_no_end",),
    ),
    Mutant(
        "w-live-come",
        "whoever comes while the hub listens is told at once",
        (Edit(HUB, "        self._hearing.end_within(self._listens(viewer.jobs))\n", ""),),
        (f"{HUBS}::test_whoever_comes_is_told_at_once",),
    ),
)

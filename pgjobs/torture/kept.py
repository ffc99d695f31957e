"""What a run that broke a promise leaves behind to be understood: logs, schedule and state."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from pgjobs.torture.place import Place
from pgjobs.torture.schedule import Fault

STATE = {
    "progress": "select to_jsonb(t) from pgjobs.shards t",
    "uncertain ranges": "select to_jsonb(t) from pgjobs.uncertain_ranges t",
    "jobs": "select to_jsonb(t) from public.xmp_jobs t",
    "holds": "select to_jsonb(t) from pgjobs.holds t",
    "events": "select to_jsonb(t) from pgjobs.events t",
    "log segments": "select to_jsonb(t) from pgjobs.log_segments t",
    "items": "select to_jsonb(t) from pgjobs.job_items t",
    "history of items": "select to_jsonb(t) from public.torture_items t",
    "counters of items": "select to_jsonb(t) from pgjobs.item_counts t",
    "useless answers": "select to_jsonb(t) from pgjobs.reply_faults t",
}


def keep(place: Place, seed: int, broken: list[str], faults: list[Fault]) -> Path:
    """Save logs, schedule, state and what was broken where they outlive this run."""
    folder = Path(tempfile.mkdtemp(prefix=f"pgjobs-torture-seed-{seed}-"))
    shutil.copytree(place.folder, folder / "run", dirs_exist_ok=True)
    story = {
        "seed": seed,
        "violations": broken,
        "schedule": [asdict(fault) for fault in faults],
    }
    story |= {name: [row[0] for row in place.rows(query)] for name, query in STATE.items()}
    (folder / "story.json").write_text(json.dumps(story, indent=1, default=str))
    for server in (place.services.postgres, place.services.broker):
        if server is not None:
            for log in server.root.glob("*.log"):
                shutil.copy(log, folder)
    return folder

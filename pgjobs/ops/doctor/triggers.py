"""Whether the triggers that keep the rules of jobs are there and fire for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pgjobs.ops.doctor.finding import Finding, ok, problem
from pgjobs.pg import connection as db
from pgjobs.pg import schema

ABOUT = "triggers"
SILENT = """
select w.table_name, w.name, t.tgenabled::text
from unnest(%(tables)s::text[], %(names)s::text[]) w (table_name, name)
left join pg_trigger t on t.tgrelid = to_regclass(w.table_name) and t.tgname = w.name
where t.tgenabled is distinct from 'O'
order by w.table_name, w.name
"""
# The other value, local, fires the same triggers as origin.
REPLICAS = """
select format('alter %%s reset session_replication_role', case
         when s.setrole = 0 and s.setdatabase = 0 then 'role all'
         when s.setrole = 0 then format('database %%I', d.datname)
         else format('role %%I', r.rolname) || coalesce(' in database ' || quote_ident(d.datname), '') end)
from pg_db_role_setting s
cross join unnest(s.setconfig) c (setting)
left join pg_database d on d.oid = s.setdatabase
left join pg_roles r on r.oid = s.setrole
where lower(c.setting) = 'session_replication_role=replica' and (s.setdatabase = 0 or d.datname = current_database())
  and (s.setrole = 0 or has_table_privilege(s.setrole, 'public.xmp_jobs', 'insert, update, delete'))
union all
select 'alter system reset session_replication_role; select pg_reload_conf()' from pg_settings p
where p.name = 'session_replication_role' and p.setting = 'replica' and p.source = 'configuration file'
order by 1
"""
STATES = {"D": "is disabled", "R": "fires only for a replica", "A": "fires for a replica as well"}


async def findings(connection: db.Connection) -> AsyncIterator[Finding]:
    """Triggers that are missing or not enabled as origin, then settings that silence all of them."""
    tables, names = zip(*schema.triggers(), strict=True)
    silent = await (await connection.execute(SILENT, {"tables": list(tables), "names": list(names)})).fetchall()
    for table, name, enabled in silent:
        sentence = f"trigger {name} of {table.removeprefix('public.')} {STATES.get(enabled, 'is missing')}"
        yield problem(ABOUT, sentence, "run: pgjobs migrate")
    resets = await (await connection.execute(REPLICAS, {})).fetchall()
    for (reset,) in resets:
        sentence = "session_replication_role is replica in some sessions: what they write passes by every trigger"
        yield problem(ABOUT, sentence, reset)
    if not silent and not resets:
        yield ok(ABOUT, f"all {len(names)} are there and enabled")

-- One row per agent: who it is, what it works on, and whether it lives.
create or replace view pgjobs.agent_status as
select
  a.name, a.about, a.types, a.host, a.pid, a.started_at, a.seen_at, a.holds,
  coalesce(a.seen_at > clock_timestamp() - interval '30 seconds' and not a.leaving, false) as alive, a.leaving, a.trouble
from pgjobs.agents a;
comment on view pgjobs.agent_status is
  'Every agent that was heard of within a day, or has a responsibility; alive: heard of within 30 seconds, which is three beats, and not leaving.';

-- Reads: xmp_jobs, shards   Writes: nothing
create or replace function pgjobs.may_take(_job_id bigint, _shard integer, _daemon uuid, _running text[], _helpers bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select _job_id || '/' || _shard <> all (_running) and coalesce((
    select case j.status::text
      when 'in progress' then (
        select count(*) filter (where h.owner = _daemon) * (1 + _helpers) < count(*)
        from pgjobs.shards h where h.job_id = j.id and h.finished_at is null)
      -- It begins once whoever held it before has let go of all of it.
      when 'ready' then not exists (select from pgjobs.shards h where h.job_id = j.id and h.owner is not null)
      end
    from public.xmp_jobs j where j.id = _job_id), true);
$$;
comment on function pgjobs.may_take(bigint, integer, uuid, text[], bigint) is
  'Whether a daemon may take this due shard: it does not still run it, and of the open shards of a job it holds no more than its share while so many other daemons could help. True as well for a job that is not to run at all: the claim puts its shards right.';

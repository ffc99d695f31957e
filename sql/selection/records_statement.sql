-- Reads: shards   Writes: nothing
create or replace function pgjobs.records_statement(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint, _zones text[] default null)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from pgjobs.shards p where p.job_id = _job_id and p.shard = _shard and p.attempt is not null) then
    return pgjobs.items_statement(_job_id, _shard, _after_key, _end_key);
  end if;
  return pgjobs.selector_statement(_job_id, _shard, _after_key, _end_key, _zones);
end;
$$;
comment on function pgjobs.records_statement(bigint, integer, bigint, bigint, text[]) is
  'The statement that selects the records of a shard behind one key up to another: (key, target, code, detail, body) in the job''s order; code null means to be sent. From its items where the job has some, else by its selector.';

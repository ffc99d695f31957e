-- Reads: entities   Writes: nothing
create or replace function pgjobs.list_clients(_after bigint default null, _limit bigint default null)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.need_limit(_limit);
  return (
    select coalesce(json_agg(pgjobs.client_json(e) order by e.number), '[]')
    from (
      select * from pgjobs.entities e
      where e.type = 'client' and e.number > coalesce(_after, 0)
      order by e.number
      limit coalesce(_limit, 1000)) e);
end;
$$;
comment on function pgjobs.list_clients(bigint, bigint) is
  'Clients of mailings as a JSON array by their ids, behind one of them; 1000 at most. Refuses (PJ400) another limit.';

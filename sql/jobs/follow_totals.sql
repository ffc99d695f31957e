-- Reads: item_counts, items   Writes: open_totals, item_totals, events
create or replace function pgjobs.follow_totals()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _type constant text := 'mailing';
  _was constant boolean := tg_op <> 'INSERT' and old.type::text = _type and old.deleted_at is null;
  _is constant boolean := tg_op <> 'DELETE' and new.type::text = _type and new.deleted_at is null;
  _id constant bigint := case when tg_op = 'DELETE' then old.id else new.id end;
begin
  if _was <> _is then
    insert into pgjobs.item_totals (type, status, n) values (_type, 'j', case when _is then 1 else -1 end);
  end if;
  if _was and not _is then
    delete from pgjobs.open_totals o where o.job_id = _id;
    if not found then
      perform pgjobs.add_totals(_id, _type, -1);
    end if;
  elsif tg_op = 'UPDATE' and _is and new.status::text = 'in progress' then
    insert into pgjobs.open_totals (job_id, type) values (_id, _type) on conflict do nothing;
  elsif tg_op = 'UPDATE' and _is and new.status::text = 'done' then
    perform pgjobs.settle_totals(_id);
    if old.status::text <> 'done' and not exists (select from pgjobs.items i where i.job_id = _id) then
      perform pgjobs.add_event(_id, null, null, 'it has reached nobody: there was no client that its filters name when it started');
    end if;
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end;
$$;
comment on function pgjobs.follow_totals() is
  'Trigger: keeps the totals of mailings and their items, so that nobody has to count them: a job that has begun is counted by its own counters until it is done, what a door no longer shows and what is deleted counts no more. A mailing that is done without having had a recipient says so in its events.';

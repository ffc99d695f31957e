-- Reads: xmp_jobs, item_counts, item_totals, open_totals   Writes: nothing
create or replace function pgjobs.message_data(_id bigint default null)
returns json
language sql
stable
set search_path = pg_catalog, pg_temp
-- One plan is kept: with the argument known it is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
  with counted (status, n) as (
    select c.status, c.n from pgjobs.item_counts c where c.job_id = _id
    union all
    select t.status, t.n from pgjobs.item_totals t where _id is null and t.type = 'mailing'
    union all
    select c.status, c.n from pgjobs.open_totals o join pgjobs.item_counts c on c.job_id = o.job_id where _id is null and o.type = 'mailing'
  ), told (status, n) as (
    select pgjobs.message_status(c.status), sum(c.n) from counted c where c.status in ('w', 'l', 'r', 's', 'f', 't', 'c', 'x') group by 1 having sum(c.n) > 0
  )
  select coalesce(json_agg(json_build_object('status', t.status, 'count', t.n) order by t.status collate "C"), '[]') from told t;
$$;
comment on function pgjobs.message_data(bigint) is
  'How many messages have which status, exactly: of one mailing, or of all that are shown. What is over was added up when it ended, so the number of mailings costs nothing.';

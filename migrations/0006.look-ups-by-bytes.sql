-- Two indexes of a database that was migrated when they still compared words give up their names; pgjobs.index_steps() makes
-- them anew and then drops them.
-- depends: 0005.earlier-lines
do $$
declare
  _index text;
begin
  foreach _index in array array['pgjobs_expired_msisdn_id_idx', 'pgjobs_transactions_paid_idx'] loop
    if pg_get_indexdef(to_regclass('public.' || _index)) not like '%COLLATE "C"%'
       and to_regclass('public.' || _index || '_of_words') is null then
      execute format('alter index public.%I rename to %I', _index, _index || '_of_words');
    end if;
  end loop;
end
$$;

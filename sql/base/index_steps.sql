-- Reads: pg_index, pg_class   Writes: nothing
create or replace function pgjobs.index_steps()
returns table (index text, statement text, remark text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _wanted record;
  _valid boolean;
  _leaf record;
  _without bigint;
begin
  for _wanted in
    select w.name, w.keys, c.oid, c.relkind, c.oid::regclass::text as relation, to_regclass('public.' || w.name) as built,
      pg_has_role(c.relowner, 'usage') and has_schema_privilege(c.relnamespace, 'create') as ours
    from pgjobs.wanted_indexes() w join pg_class c on c.oid = to_regclass('public.' || w.relation)
  loop
    index := _wanted.name;
    statement := null;
    remark := null;
    _valid := (select i.indisvalid from pg_index i where i.indexrelid = _wanted.built);
    if _wanted.relkind in ('v', 'f') then
      remark := format('%s is a %s: see that what it reads has an index on %s', _wanted.relation,
        case _wanted.relkind when 'v' then 'view' else 'foreign table' end, _wanted.keys)
        || coalesce((
          select format(' (it reads %s)', string_agg(distinct d.refobjid::regclass::text, ', '))
          from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
            and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
          where r.ev_class = _wanted.oid), '');
      return next;
    elsif not _wanted.ours and _valid is not true then
      remark := format('%I lacks the rights to index %s; its owner makes it: create index concurrently %I on %s %s', current_user,
        _wanted.relation, _wanted.name, _wanted.relation, _wanted.keys);
      return next;
    elsif not _valid then
      -- What broke off half way stays behind invalid.
      statement := format(case _wanted.relkind when 'p' then 'drop index %s' else 'drop index concurrently %s' end, _wanted.built);
      return next;
    elsif _valid is null and _wanted.relkind = 'p' then
      -- Each partition by itself, for a partitioned table can't be indexed concurrently; then the table takes them over.
      _without := 0;
      for _leaf in
        select t.relid::regclass::text as relation, n.nspname, format('%s_%s', _wanted.name, t.relid::oid) as name,
          i.indexrelid::regclass::text as built, i.indisvalid as valid
        from pg_partition_tree(_wanted.oid) t join pg_class c on c.oid = t.relid and c.relkind = 'r'
        join pg_namespace n on n.oid = c.relnamespace
        left join pg_class b on b.relnamespace = n.oid and b.relname = format('%s_%s', _wanted.name, t.relid::oid)
        left join pg_index i on i.indexrelid = b.oid
        where t.isleaf and i.indisvalid is not true
      loop
        _without := _without + 1;
        statement := case when _leaf.built is not null then format('drop index concurrently %s', _leaf.built)
          else format('create index concurrently %I on %s %s', _leaf.name, _leaf.relation, _wanted.keys) end;
        return next;
      end loop;
      if _without = 0 then
        statement := format('create index if not exists %I on %s %s', _wanted.name, _wanted.relation, _wanted.keys);
        return next;
      end if;
    elsif _valid is null then
      statement := format('create index concurrently if not exists %I on %s %s', _wanted.name, _wanted.relation, _wanted.keys);
      return next;
    end if;
  end loop;
end;
$$;
comment on function pgjobs.index_steps() is
  'What is to be done next for the indexes that are missing or broke off: statements to be run one by one outside of a transaction, after which it is asked again, and remarks for people where an index is not ours to make.';

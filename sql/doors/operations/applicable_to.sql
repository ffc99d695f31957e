-- Reads: nothing   Writes: nothing
create or replace function pgjobs.applicable_to(_types text[])
returns text[]
language sql
immutable
as $$
  select case when _types = '{}'
    then '{entity.device,entity.asset,entity.commsModule,entity.subscription,entity.subscriber}'::text[] else _types end;
$$;
comment on function pgjobs.applicable_to(text[]) is
  'The entity types that an operation is for, by applicable_to of its type: where that is empty, each one that callers may name.';

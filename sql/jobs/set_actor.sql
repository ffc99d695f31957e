-- Reads: the session setting pgjobs.actor   Writes: nothing (sets pgjobs.actor for this transaction)
create or replace function pgjobs.set_actor(_actor text)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _former constant text := coalesce(current_setting('pgjobs.actor', true), '');
begin
  if _actor is null then
    return _former;
  end if;
  perform set_config('pgjobs.actor', _actor, true);
  if _actor <> '' and pgjobs.actor() is null then
    perform pgjobs.refuse('42501', 'untrusted_actor', 'actor', format('actor: role %s can''t act in the name of somebody else', session_user),
      'leave the actor out, or log in as a member of pgjobs_web', 'pgjobs.events');
  end if;
  return _former;
end;
$$;
comment on function pgjobs.set_actor(text) is
  'Says for this transaction on whose behalf it acts, and answers with who it was before; null changes nothing. Refuses (42501) an actor from a role that may not speak for others.';

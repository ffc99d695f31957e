-- Reads: nothing   Writes: nothing
create or replace function pgjobs.mailing_records_check(params jsonb, configuration jsonb)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when params ? 'source' then null
    when jsonb_typeof(params -> 'text') is distinct from 'string' or params ->> 'text' !~ '[^\u0001-\u0020\u007f]' then 'params.text: it has to be the text of the messages'
    when length(params ->> 'text') > 10000 then 'params.text: it is longer than 10000 characters'
    when jsonb_typeof(params -> 'client_operator_code_filter') <> 'string' then 'params.client_operator_code_filter: it has to be a text'
    when jsonb_typeof(params -> 'client_tag_filter') <> 'string' then 'params.client_tag_filter: it has to be a text' end
$$;
comment on function pgjobs.mailing_records_check(jsonb, jsonb) is 'What is wrong with the params of a mailing; null: nothing.';

-- Reads: nothing   Writes: nothing
create or replace function pgjobs.cms_columns()
returns jsonb
language sql
immutable
as $$
  select jsonb_build_object(
    'type', 'text', 'status', 'text', 'params', 'object', 'file_name', 'text', 'id_user', 'integer', 'run_at', 'moment', 'active', 'boolean',
    'priority', 'integer', 'rate', 'number', 'max_backlog', 'bigint', 'stop_at', 'moment', 'schedule', 'object', 'budget', 'object',
    'rules', 'object', 'shards', 'integer', 'name', 'text', 'callback_url', 'text', 'media_type', 'text', 'reference_id', 'text',
    'custom_type', 'text', 'notes', 'text', 'configuration', 'object', 'idempotency_key', 'text');
$$;
comment on function pgjobs.cms_columns() is 'The columns of xmp_jobs that whoever inserts a job may write, and what JSON gives them: text, object, integer, bigint, number, boolean or moment.';

-- Reads: nothing   Writes: nothing
create or replace function pgjobs.state_words(_state text)
returns table (page text, partner integer, operations text)
language sql
immutable
rows 1
as $$
  select w.page, w.partner, w.operations
  from (values
    ('preparing',    'Creating', 202, 'INITIATING'),
    ('inactive',     'Waiting',  202, 'IDLE'),
    ('waiting',      'Waiting',  202, 'SCHEDULED'),
    ('running',      'Started',  202, 'IN_PROGRESS'),
    ('paused',       'Stopped',  202, 'PAUSED'),
    ('stopping',     'Stopped',  202, 'PAUSED'),
    ('stopped',      'Stopped',  500, 'PAUSED'),
    ('cancelling',   'Stopped',  202, 'CANCELLING'),
    ('cancelled',    'Stopped',  500, 'CANCELLED'),
    ('finished',     'Finished', 200, 'FINISHED'),
    ('broken',       'Error',    500, 'PAUSED'),
    ('ended_broken', 'Fail',     500, 'CANCELLED')) w (state, page, partner, operations)
  where w.state = _state;
$$;
comment on function pgjobs.state_words(text) is
  'What the doors call a state of pgjobs.job_state(): the word of the jobs page, the status code that partners get, and the word of the operations.';

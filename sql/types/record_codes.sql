-- Reads: nothing   Writes: nothing
create or replace function pgjobs.record_codes()
returns table (code text, words text, before_detail text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  values
    ('already_paid', 'Already paid', ': '),
    ('bad_body', 'Bad message body', ': '),
    ('bad_price', 'Bad price', ': '),
    ('bad_routing_key', 'Bad routing key', ', bytes: '),
    ('blacklisted', 'Blacklisted', ': '),
    ('duplicate', 'duplicate', ': '),
    ('empty', 'Message is empty', ': '),
    ('incomplete_line', 'Incomplete last line', ': '),
    ('line_too_long', 'Line too long', ', length: '),
    ('no_msisdn', 'No msisdn', ': '),
    ('no_price', 'No price', ': '),
    ('no_target', 'No target', ': '),
    ('not_a_number', 'Not a number', ': '),
    ('postpaid', 'Postpaid', ': '),
    ('returned_poisonous', 'Refused by the broker', ': '),
    ('returned_unroutable', 'Returned by the broker', ': '),
    ('timed_out', 'Timed out', ': '),
    ('too_large', 'Message too large', ', bytes: '),
    ('too_long', 'Too long msisdn', ', length: '),
    ('too_short', 'Too short msisdn', ', length: '),
    ('wrong_prefix', 'Wrong prefix', ': ');
$$;
comment on function pgjobs.record_codes() is
  'Codes of records that are not sent, with the words that the log and job_outcomes have for them; in the log before_detail and the detail follow where there is one. A code that is not among them stands for itself. The words are part of the contract of the log: no words may begin with those of another code and what stands before its detail.';

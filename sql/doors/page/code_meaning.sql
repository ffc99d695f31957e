-- Reads: nothing   Writes: nothing
create or replace function pgjobs.code_meaning(_code text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select m.meaning
  from (values
    ('already_paid',        'it has paid before: left out by never or last_charge_at of the parameters'),
    ('answered',            'its answer came before its launch was accounted for, so it was not sent again'),
    ('bad_body',            'the selector gave a message that the format of the type can not send'),
    ('bad_price',           'the price of its service is no number that a message can carry'),
    ('bad_routing_key',     'its routing key is longer than the broker takes'),
    ('blacklisted',         'the msisdn is on the blacklist'),
    ('duplicate',           'the same msisdn came earlier in this job'),
    ('empty',               'the selector gave a message without content'),
    ('incomplete_line',     'the last line of the file has no line end: it may have been cut'),
    ('line_too_long',       'the line is longer than a line may be'),
    ('no_msisdn',           'there are no digits where the msisdn should be'),
    ('no_price',            'its service has no price'),
    ('no_target',           'the selector did not say whom it is for'),
    ('not_a_number',        'something other than digits stands within the msisdn'),
    ('postpaid',            'the msisdn is on the list of postpaid ones'),
    ('returned_poisonous',  'the broker closed the channel because of this message'),
    ('returned_unroutable', 'no queue took it: a queue or its binding is missing at the broker'),
    ('timed_out',           'it had not been sent, or not been answered, when the stop of the job came'),
    ('too_large',           'the message is larger than a message may be'),
    ('too_long',            'the msisdn has too many digits'),
    ('too_short',           'the msisdn has too few digits'),
    ('wrong_prefix',        'the msisdn does not begin with the prefix of the job'),
    ('ERROR_TIMEOUT',       'nobody answered within the time that an attempt may last')) m (code, meaning)
  where m.code = _code;
$$;
comment on function pgjobs.code_meaning(text) is
  'What a code of pgjobs.record_codes(), or a result that the engine itself gives, means and where to look, for people; null for one of a selector''s or a consumer''s own.';

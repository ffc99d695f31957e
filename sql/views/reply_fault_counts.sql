-- What consumers send that can't be used: how often, and what it means. Without the samples, which may hold what people wrote.
create or replace view pgjobs.reply_fault_counts as
select f.kind, f.n, f.last_at, w.meaning
from pgjobs.reply_faults f
left join (values
  ('no_json', 'it is not JSON, or it is too large'),
  ('no_object', 'it is JSON, and no object'),
  ('too_many_answers', 'one message has more than 10,000 answers'),
  ('no_answer', 'it is a message of a job, or wants an answer itself'),
  ('no_correlation', 'it names no item'),
  ('unknown', 'it names an item that there is not'),
  ('no_outcome', 'it does not say how the attempt has ended'),
  ('bad_status', 'its status is none of good, failed, partial and ack'),
  ('bad_result', 'its result is not among those of the type'),
  ('not_launched', 'it names an item that has not been sent yet'),
  ('bad_steps', 'its steps are no array, or nested too deeply: it counts without them'),
  ('too_many_steps', 'its steps are too large: it counts without them'),
  ('refused', 'the database could not take it in, and the log of the daemon says why'),
  ('bad_beat', 'a beat that names no agent')
) w (kind, meaning) on w.kind = f.kind;
comment on view pgjobs.reply_fault_counts is
  'Messages on reply queues that could not be used, counted by what is wrong with them: pgjobs.reply_faults without the sample of the last one.';

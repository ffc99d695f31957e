-- A line of an injection file knows the line before it with the same msisdn; no index has to be asked for it.
-- depends: 0004.groups

alter table pgjobs.injection_lines add column earlier_line bigint;
comment on column pgjobs.injection_lines.earlier_line is 'The last line before this one with the same msisdn, where there is one.';

-- Jobs that have begun keep judging their duplicates.
update pgjobs.injection_lines l set earlier_line = e.earlier_line
from (select i.job_id, i.line_no, lag(i.line_no) over (partition by i.job_id, i.msisdn order by i.line_no) as earlier_line
      from pgjobs.injection_lines i where i.fault is null) e
where l.job_id = e.job_id and l.line_no = e.line_no and e.earlier_line is not null;

drop index pgjobs.injection_lines_msisdn_idx;

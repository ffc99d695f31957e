create index injection_lines_msisdn_idx on pgjobs.injection_lines (hashtextextended(msisdn, job_id), line_no) where fault is null;
alter table pgjobs.injection_lines drop column earlier_line;

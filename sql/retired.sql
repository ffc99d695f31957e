-- Signatures that earlier versions had and this one no longer has; dropped before the rest is applied.
drop function if exists pgjobs.abandon_calls(uuid);
drop function if exists pgjobs.token_scope(bytea);
drop function if exists pgjobs.begin_lines(bigint);
drop function if exists pgjobs.claim_notification(interval);
drop function if exists pgjobs.next_notification();
drop function if exists pgjobs.load_lines(bigint);
drop function if exists pgjobs.charge_body(json, text, text, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, timestamptz, bigint, text, bigint, bigint, text, text, bigint);
drop function if exists pgjobs.close_lines(bigint);
drop function if exists pgjobs.prepare_job(bigint, integer, bigint);
drop function if exists pgjobs.note_fingerprint(text);
drop function if exists pgjobs.refuse(text, text, text, text, text);
drop function if exists pgjobs.check_job(text, jsonb, text, integer);
drop function if exists pgjobs.fail_job(bigint, integer, bigint, boolean, text, text);

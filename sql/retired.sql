-- Signatures that earlier versions had and this one no longer has; dropped before the rest is applied.
drop function if exists pgjobs.announce_callbacks(boolean);
drop function if exists pgjobs.record_callback(bigint, integer, text, integer, text, integer, integer);

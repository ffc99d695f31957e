alter table pgjobs.schema_state drop column version, drop column triggers;

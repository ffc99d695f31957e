"""The formats of messages: what each makes of a record, as a template that is compiled once per job."""

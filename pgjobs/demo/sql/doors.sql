-- What the doors of the demo offer: an app for partners, and an operation on devices.
insert into public.xmp_job_types (name, title, selector, routing_key, format, tracked, reply_queue, doors, defaults, params_schema)
values ('json-rfq-import', 'Request for quotation', 'pgjobs.partner_records', 'demo_rfq', 'plain', true, 'demo_replies', '{partner}',
        '{"items": "items"}', '{"required": ["number"]}');

insert into public.xmp_job_types
  (name, title, selector, routing_key, format, tracked, reply_queue, params, doors, applicable_to, params_schema)
values ('reboot', 'Reboot', 'pgjobs.operation_records', 'demo_devices', 'plain', true, 'demo_replies',
        '{parameters,resource_type,tags,filter,listed}', '{operations}', '{entity.device}',
        '{"type": "object", "properties": {"type": {"enum": ["HARDWARE", "SOFTWARE"]}}, "additionalProperties": false}');

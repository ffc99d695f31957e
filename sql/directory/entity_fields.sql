-- Reads: nothing   Writes: nothing
create or replace function pgjobs.entity_fields()
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select '{"id": {"sql": "e.id", "type": "text"}, "type": {"sql": "e.type", "type": "text"}, "tags": {"sql": "e.tags", "type": "tags"},
           "*": {"sql": "e.attributes", "type": "attributes"},
           "resourceType": "type", "entityType": "type", "entity.type": "type", "tag": "tags", "entity.tags": "tags"}'::jsonb
    || (select jsonb_object_agg(n.name, 'id')
        from (select unnest('{identifier,entityId,entity.id,provision.identifier,provision.administration.identifier,deviceId}'::text[]) as name
              union select concat(p, k, '.identifier')
              from unnest('{"",provision.}'::text[]) p,
                   unnest('{entity,device,asset,subscription,subscriber,communicationsModule,communicationModule,client}'::text[]) k) n);
$$;
comment on function pgjobs.entity_fields() is
  'The fields of a filter over pgjobs.entities e, for filter_condition(): id, also by the names that the vendor''s clients have for it (provision.device.identifier), type, tags, and any attribute by its dotted name.';

-- Who supervises a desk: the functional head of the unit by the organisation of today. A report names nobody, so it is
-- the new supervisor's from the day on which the line changes (D-21).
create function public.desks_today() returns table (unit_id uuid, supervisor_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select l.unit_id, l.functional_head_id from public.lines_on(public.calendar_day()) l
  where l.function_class = 'front_office' and public.current_office() is not null
  order by l.unit_id
$$;

-- Nobody gives the receipt of a report but today's supervisor, in person or by a deputy.
create function public.guard_desk_receipt() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return null;  -- a recovery puts rows back
  end if;
  if not exists (
    select from public.desk_report r
    join public.desks_today() d on d.unit_id = r.unit_id
    join public.audit_effect e on e.kind = 'desk_receipt' and e.id = new.id and e.rev = new.rev
    where r.id = new.report_id and e.act = 'desk_report.acknowledge'
      and d.supervisor_id::text in (e.person, e.deputy_for)
  ) then
    raise exception 'D-21: report % is received by the supervisor of today', new.report_id using errcode = '42501';
  end if;
  return null;
end $$;

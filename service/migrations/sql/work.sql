-- Work in hands: taken and put back, handed to another office and back. Opening and closing stand in functions.sql.

-- Who leads the units of an office's function today, and in which offices each of them has an account. Nobody's roles
-- matter: whoever answers for the unit answers for what it leaves undone.
create function public.heads_today() returns table (office text, person_id uuid, sits_in text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select distinct l.function_class, p.id, a.office
  from public.lines_on(public.calendar_day()) l
  join public.person p on p.id = l.functional_head_id and not p.disabled
  join public.account a on a.person_id = p.id and not a.disabled and not a.service
  where public.current_office() is not null
  order by 1, 3, 2
$$;

-- Whether an entry is of somebody who leads the office that left an item undone; nobody else answers for its head.
create function public.is_of_head(item uuid, entry uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from public.work_item w
    join public.heads_today() h on h.office = w.home
    join public.audit_entry e on e.id = entry and e.person = h.person_id::text and e.office = h.sits_in
    where w.id = item and e.act = 'escalation.lead'
  )
$$;

-- Lock an open item that concerns the own office, and say how it stands by this clock: nothing if it does not.
create function public.work_lock(item uuid)
returns table (kind text, office text, home text, reason text, trade_id uuid, holder_id uuid, is_held boolean, offered_to text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare own text := public.own_office();
begin
  return query
    select w.kind, w.office, w.home, w.reason, w.trade_id, w.holder_id,
           coalesce(w.held_until > clock_timestamp(), false), w.offered_to
    from public.work_item w
    where w.id = item and w.closed_entry_id is null
      and (w.office = own or w.offered_to = own)
    for update;
end $$;

-- Do what this transaction's entries say about items; whoever acts is who the entry names. An office takes nothing
-- from another that was not offered to it, and trading neither gets nor gives work of others.
create function public.work_handle(handlings jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  own text := public.own_office();
  h record;
  w public.work_item;
  act text;
  who uuid;
  free boolean;
begin
  for h in
    select (q->>'item')::uuid as item, q->>'to' as target, (q->>'entry')::uuid as entry,
           least((q->>'seconds')::integer, 3600) as seconds
    from jsonb_array_elements(handlings) as q
  loop
    select * into w from public.work_item i where i.id = h.item and i.closed_entry_id is null for update;
    if not found then
      raise exception 'item % is not open', h.item using errcode = 'TW003';
    end if;
    free := w.holder_id is null or w.held_until <= clock_timestamp();
    select e.act, e.account::uuid into act, who from public.audit_entry e
      where e.id = h.entry and e.office = own and e.outcome = 'allow' and e.xmin = pg_current_xact_id()::xid;
    if act = 'work.take' and w.office = own and w.offered_to is null and (free or w.holder_id = who) then
      update public.work_item set holder_id = who, held_until = clock_timestamp() + make_interval(secs => h.seconds)
        where id = h.item;
    elsif act = 'work.leave' and w.office = own and w.holder_id = who then
      update public.work_item set holder_id = null, held_until = null where id = h.item;
    elsif act = 'handover.offer' and w.office = own and w.offered_to is null and (free or w.holder_id = who)
          and own not in ('front_office', h.target)
          and h.target in ('accounting', 'back_office', 'compliance', 'credit', 'legal', 'master_data', 'risk_control') then
      update public.work_item set offered_to = h.target where id = h.item;
    elsif act = 'handover.accept' and w.offered_to = own then
      update public.work_item set office = own, offered_to = null, holder_id = who,
             held_until = clock_timestamp() + make_interval(secs => h.seconds) where id = h.item;
    elsif act = 'handover.return' and w.offered_to is not null and own in (w.offered_to, w.office) then
      update public.work_item set offered_to = null where id = h.item;
    elsif act = 'handover.return' and w.office = own and w.home <> own and (free or w.holder_id = who) then
      update public.work_item set office = w.home, holder_id = null, held_until = null
        where id = h.item;
    else
      raise exception 'office % cannot do % with item %', own, act, h.item using errcode = 'TW003';
    end if;
  end loop;
end $$;

-- No deal, no change and no transfer without the work it means for somebody else, opened in the same transaction:
-- trading holds nothing back. Named in the trigger: the kinds of work of which one must wait.
create function public.guard_waits() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare deal uuid;
begin
  case tg_table_name
    when 'trade_version', 'change_request' then deal := new.trade_id;
    when 'transfer' then deal := new.id;
  end case;
  if exists (  -- most work is about the deal itself, and found by it
    select from public.work_item w join public.audit_entry e on e.id = w.entry_id
    where w.subject_id = deal and w.kind = any(tg_argv) and e.xmin = pg_current_xact_id()::xid
  ) then
    return null;
  end if;
  if not exists (
    select from public.work_item w join public.audit_entry e on e.id = w.entry_id
    where w.trade_id = deal and w.kind = any(tg_argv) and e.xmin = pg_current_xact_id()::xid
  ) and public.current_office() is not null then  -- a recovery puts rows back, and nobody is asked
    raise exception '%: nobody was asked to see to it', tg_table_name using errcode = '42501';
  end if;
  return null;
end $$;

-- Lock an item that climbs, unless it has climbed so far or is done: two workers at once climb once (A-04, SET-27).
create function public.work_climb(item uuid, rung text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from public.work_item w where w.id = item and w.closed_entry_id is null for update;
  return found and not exists (
    select from public.work_item c where c.subject_id = item and c.subject_kind = 'work_item' and c.kind = rung);
end $$;

-- Cases: seen by the office that leads one, by the one that signs it once it is decided, by compliance and internal
-- audit; never by trading, and moved by those two offices alone, whatever a login sends (SET-22, MAR-01).

create function public.case_in_sight(leads text, signs text, state text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.own is null or o.own in ('compliance', 'internal_audit', leads) or (o.own = signs and state <> 'open')
  from (select public.current_office() as own) as o
$$;

-- Which act an entry of the log tells of, for whoever links it to a case: never its content.
create function public.case_entry(entry uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.act from public.audit_entry e where e.id = case_entry.entry
    and public.current_office() in ('back_office', 'compliance', 'risk_control')
$$;

create function public.guard_case() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.current_office();
begin
  if own is null then
    return new;  -- a recovery puts rows back
  end if;
  if tg_op = 'INSERT' then
    if new.state <> 'open' or new.office <> own
       or (new.office, new.signs) not in (('back_office', 'compliance'), ('compliance', 'risk_control'),
                                          ('risk_control', 'compliance')) then
      raise exception 'office % opens no such case (SET-22)', own using errcode = '42501';
    end if;
    return new;
  end if;
  if new.owner_id is distinct from old.owner_id and not exists (
    select from public.account a where a.id = new.owner_id and a.office = new.office and not a.service
      and a.person_id is distinct from new.person_id
  ) then
    raise exception 'case %: nobody else leads it (SET-22)', new.id using errcode = '42501';
  end if;
  if (new.outcome, new.decision, new.decided_by) is distinct from (old.outcome, old.decision, old.decided_by)
     and (own <> new.office or new.state <> 'decided') then
    raise exception 'case %: a decision is not changed afterwards (SET-22)', new.id using errcode = '42501';
  end if;
  if new.state = old.state
     or (old.state, new.state) in (('open', 'decided'), ('returned', 'decided')) and own = new.office
     or (old.state, new.state) in (('decided', 'closed'), ('decided', 'returned')) and own = new.signs then
    return new;
  end if;
  raise exception 'office % does not bring a case from % to % (SET-22)', own, old.state, new.state
    using errcode = '42501';
end $$;

-- At commit: decided and closed on evidence, a suspicion closed once internal audit has heard, by whom it is not about.
create function public.guard_case_whole() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return null;
  end if;
  if exists (select from public.audit_effect e where e.kind = 'case_file' and e.id = new.id and e.rev = new.rev
             and new.person_id::text in (e.person, e.deputy_for, e.owner)) then
    raise exception 'case %: not by whom it is about (D-16)', new.id using errcode = '42501';
  end if;
  if new.state in ('decided', 'closed') and not exists (
    select from public.case_note n where n.case_id = new.id and n.note_kind = 'evidence'
  ) then
    raise exception 'case %: a claim is no evidence (SET-22)', new.id using errcode = '42501';
  end if;
  if new.state = 'closed' and new.suspicion and not exists (
    select from public.case_receipt r where r.case_id = new.id
  ) then
    raise exception 'case %: internal audit has not heard of it (SET-27)', new.id using errcode = '42501';
  end if;
  return null;
end $$;

-- Nothing is added to a closed case; evidence is there, and is not what trading said; a receipt is of its own hand.
create function public.guard_case_note() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.current_office();
begin
  if own is null then
    return new;
  end if;
  if not exists (select from public.case_file c where c.id = new.case_id and c.state <> 'closed'
                 and public.case_in_sight(c.office, c.signs, c.state)) then
    raise exception 'office % adds nothing to this case', own using errcode = '42501';
  end if;
  if new.entry_id is not null and not exists (
       select from public.audit_entry e where e.id = new.entry_id
         and e.act not in ('alleged.answer', 'confirmation.forward'))
     or new.document_id is not null and not exists (
       select from public.document d where d.id = new.document_id and d.office <> 'front_office') then
    raise exception 'case %: that is no evidence (SET-22)', new.case_id using errcode = '42501';
  end if;
  return new;
end $$;

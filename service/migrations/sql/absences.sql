-- Absence: while a block runs, the absent trader's accounts reach nothing. It follows from the day alone, wherever the
-- database lets somebody in: signing in, a session's token, the beginning of an act.

-- The day that the desk works on: the entity's business date, or the calendar's in Berlin.
create function public.desk_day() returns date
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce((select d.business_date from public.desk_time d),
                  (clock_timestamp() at time zone 'Europe/Berlin')::date)
$$;

-- The block that keeps a natural person out today; told: whether an attempt to get in is under review already.
create function public.away(person uuid) returns table (absence_id uuid, until date, told boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query select a.id, a.last_day,
         exists (select from public.work_item w
                 where w.subject_id = a.id and w.kind = 'absence_breach' and w.closed_entry_id is null)
  from public.absence a
  where a.person_id = away.person and a.state = 'accepted' and public.desk_day() between a.first_day and a.last_day
  order by a.first_day limit 1;
end $$;

-- The deals of a trader in which somebody else had a hand: what bars a substitute who once controlled them (D-11).
create function public.deals_touched(trader uuid, person uuid) returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(distinct o.trade_id), '{}')
  from public.audit_effect o join public.audit_effect e on e.trade_id = o.trade_id
  where o.kind = 'trade' and deals_touched.trader::text in (o.person, o.deputy_for)
    and deals_touched.person::text in (e.person, e.deputy_for, e.owner)
$$;

-- People of enabled accounts who hold one of the roles as their own, and since when they did first: those who owe a
-- block a year. A right that was away for a while and came back makes nobody a beginner.
create function public.holders_of(roles text[]) returns table (person_id uuid, account text, since timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with now_held as materialized (
    select a.person_id, min(a.name) as account
    from public.role_grant g
    join public.account a on a.id = g.account_id and not a.disabled and not a.service
    join public.person p on p.id = a.person_id and not p.disabled
    where g.role = any(holders_of.roles) and g.state = 'executed'
      and (g.valid_until is null or g.valid_until > clock_timestamp())
      and public.current_office() is not null
    group by a.person_id
  )
  select h.person_id, h.account, min(e.at)
  from now_held h
  join public.account a on a.person_id = h.person_id
  join public.role_grant g on g.account_id = a.id and g.role = any(holders_of.roles)
   and g.state in ('executed', 'revoked')
  join public.audit_effect e on e.kind = 'role_grant' and e.id = g.id
  group by h.person_id, h.account
$$;

-- Who holds one of the roles now, of any office, and every account of the own office: with whose roles they are, whether
-- the person is kept out, and if ``far``, how the person stands to trading. A service is told to its own office alone.
create function public.everybody(roles text[], far boolean)
returns table (account_id uuid, name text, person_id uuid, office text, service boolean, roles_held text[],
               deputy_for jsonb, away boolean, unit_id uuid, function_class text, board text, trading_line boolean,
               former jsonb, applied uuid[])
language sql stable security definer rows 50 set search_path = pg_catalog, pg_temp as $$
  with might as materialized (  -- most accounts need not be looked at closely
    select g.account_id as id from public.role_grant g where g.role = any(everybody.roles) and g.state = 'executed'
    union
    select d.deputy_id from public.delegation d where d.state = 'approved'
  ), there as materialized (
    select a.id, a.name, a.person_id, a.office, a.service, h.held
    from public.account a join public.person p on p.id = a.person_id
    cross join lateral (
      select case when a.service or a.id in (select m.id from might m) then public.roles_held(a.id) end as held) as h
    where not a.disabled and not p.disabled
      and (a.office = public.current_office() or not a.service and h.held && everybody.roles)
      and public.current_office() is not null
  )
  select t.id, t.name, t.person_id, t.office, t.service, coalesce(t.held, '{}'),
         case when t.held is null or t.service then '{}' else public.deputy_for(t.id) end,
         not t.service and exists (select from public.away(t.person_id)),
         d.unit_id, d.function_class, d.board, d.trading_line, d.former, d.applied
  from there t
  left join public.distances_of(
    case when far then array(select t.person_id from there t where not t.service and t.held && everybody.roles)
         else '{}' end) d on d.person_id = t.person_id
  order by t.name
$$;

-- What the history of an object rests on: itself, its deal, and what it was made from.
create function public.subject_of(kind text, id uuid)
returns table (trade_id uuid, related_kind text, related_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with deal as materialized (
    select case when subject_of.kind = 'trade' then subject_of.id
           else (select e.trade_id from public.audit_effect e
                 where e.kind = subject_of.kind and e.id = subject_of.id and e.trade_id is not null limit 1) end as id
  ), own as (
    select subject_of.kind as kind, subject_of.id as id
    union
    select o.kind, o.id from public.settlement s join public.instruction i on i.id = s.instruction_id
    cross join lateral (values ('instruction', i.id), ('proposal', i.proposal_id)) as o(kind, id)
    where subject_of.kind = 'settlement' and s.id = subject_of.id
    union
    select 'transfer_control', c.id from public.transfer_control c
    where subject_of.kind = 'transfer' and c.id = subject_of.id
    union
    select 'transfer_review', r.id from public.transfer_review r
    where subject_of.kind = 'transfer' and r.transfer_id = subject_of.id
    union
    select 'transfer_signature', g.id from public.transfer_signature g
    where subject_of.kind = 'transfer' and g.transfer_id = subject_of.id
  )
  select d.id, o.kind, o.id from own o cross join deal d where public.current_office() is not null
$$;

create function public.places_of(entries uuid[]) returns table (entry_id uuid, index bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.entry_id, i.index from public.audit_index i
  where i.entry_id = any(entries) and public.current_office() is not null
$$;

-- A decision of the own office, or any for those who read the whole log.
create function public.decision_of(id uuid) returns table (bytes bytea, index bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.bytes, i.index from public.audit_entry e left join public.audit_index i on i.entry_id = e.id
  where e.id = decision_of.id
    and (e.office = public.current_office() or public.current_office() in ('compliance', 'internal_audit'))
$$;

-- Guards --------------------------------------------------------------------------------------------

-- The front office plans, accepts and withdraws what has not begun; it or compliance interrupts what runs.
create function public.guard_absence() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.current_office(); today date := public.desk_day();
begin
  if own is null then
    return new;
  end if;
  if tg_op = 'INSERT' and new.state = 'planned' and new.first_day > today and own = 'front_office' then
    return new;
  end if;
  if tg_op = 'UPDATE' and (
       new.state = 'accepted' and old.state = 'planned' and old.first_day > today and own = 'front_office'
    or new.state = 'withdrawn' and old.state in ('planned', 'accepted') and own = 'front_office'
       and (old.first_day > today or old.state = 'planned')
    or new.state = 'interrupted' and old.state = 'accepted' and new.interrupted_on = today
       and today between old.first_day and old.last_day and own in ('front_office', 'compliance')) then
    return new;
  end if;
  raise exception 'office % does not bring a block of absence to %', own, new.state using errcode = '42501';
end $$;

-- The substitute accepts in person; whoever interrupts is neither the absent trader nor the substitute.
create function public.guard_absence_hands() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null or new.state not in ('accepted', 'interrupted') then
    return null;
  end if;
  if not exists (
    select from public.audit_effect e
    where e.kind = 'absence' and e.id = new.id and e.rev = new.rev
      and (new.state = 'accepted' and e.act = 'absence.accept' and e.person = new.substitute_id::text
           or new.state = 'interrupted' and e.act = 'absence.interrupt'
              and e.person not in (new.person_id::text, new.substitute_id::text))
  ) then
    raise exception 'absence %: these are not the hands for it', new.id using errcode = '42501';
  end if;
  return null;
end $$;

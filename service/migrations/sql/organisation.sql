-- The organisation as of a day, who answers for which unit, which roles count for a natural person, and how somebody
-- stands to trading at an act. Days are the calendar's in Berlin: no act moves them.

create function public.calendar_day() returns date
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select (clock_timestamp() at time zone 'Europe/Berlin')::date
$$;

create function public.lines_on(as_of date)
returns table (unit_id uuid, function_class text, parent_id uuid, functional_head_id uuid, disciplinary_head_id uuid,
               board_member_id uuid)
language sql stable security definer rows 50 set search_path = pg_catalog, pg_temp as $$
  select distinct on (l.unit_id) l.unit_id, u.function_class, l.parent_id, l.functional_head_id,
         l.disciplinary_head_id, l.board_member_id
  from public.reporting_line l join public.unit u on u.id = l.unit_id
  where l.valid_from <= as_of order by l.unit_id, l.valid_from desc, l.id desc
$$;

-- Whoever answers for a unit answers for the units below it and for whatever its members lead; the members of a unit
-- of board members are led by nobody but themselves.
create function public.answering_on(as_of date) returns table (person_id uuid, unit_id uuid, function_class text)
language sql stable security definer rows 100 set search_path = pg_catalog, pg_temp as $$
  with recursive line as materialized (
    select * from public.lines_on(as_of)
  ), direct as materialized (
    select distinct h.person_id, l.unit_id from line l
    cross join lateral (values (l.functional_head_id), (l.disciplinary_head_id), (l.board_member_id)) as h(person_id)
  ), leads as materialized (
    select d.person_id, p.unit_id as home
    from (select distinct x.person_id from direct x) d
    join public.person p on p.id = d.person_id
    join public.unit u on u.id = p.unit_id and u.function_class <> 'management'
  ), answers(person_id, unit_id) as (
    select d.person_id, d.unit_id from direct d
    union
    select a.person_id, further.unit_id from answers a
    cross join lateral (
      select l.unit_id from line l where l.parent_id = a.unit_id
      union all
      select d.unit_id from leads g join direct d on d.person_id = g.person_id
      where g.home = a.unit_id and g.person_id <> a.person_id
    ) as further
  )
  select a.person_id, a.unit_id, l.function_class from answers a join line l on l.unit_id = a.unit_id
$$;

create function public.organisation_conflicts(as_of date)
returns table (control text, person_id uuid, left_class text, right_class text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with answers as materialized (select * from public.answering_on(as_of))
  select distinct r.control, l.person_id, r.left_class, r.right_class
  from public.policy_line r
  join answers l on l.function_class = r.left_class
  join answers x on x.function_class = r.right_class and x.person_id = l.person_id
$$;

-- No line and no move may bring trading and what controls it under one person, on any day from then on. Changes of
-- the organisation are held against each other one after the other.
create function public.organisation_must_stay_apart(since date) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare as_of date; wrong record;
begin
  for as_of in
    select since union select l.valid_from from public.reporting_line l where l.valid_from > since order by 1
  loop
    select c.* into wrong from public.organisation_conflicts(as_of) c limit 1;
    if found then
      raise exception '%: % would answer for % and for % on %',
        wrong.control, wrong.person_id, wrong.left_class, wrong.right_class, as_of using errcode = '23514';
    end if;
    if exists (
      with recursive line as materialized (select l.unit_id, l.parent_id from public.lines_on(as_of) l),
      above(unit_id, parent_id) as (
        select l.unit_id, l.parent_id from line l where l.parent_id is not null
        union
        select a.unit_id, l.parent_id from above a join line l on l.unit_id = a.parent_id where l.parent_id is not null
      )
      select from above a where a.unit_id = a.parent_id
    ) then
      raise exception 'SEG-01: a unit would stand above itself on %', as_of using errcode = '23514';
    end if;
  end loop;
end $$;

create function public.guard_line_apart() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then  -- the founding, or a recovery that takes what the log holds
    return null;
  end if;
  if new.valid_from < public.calendar_day() then
    raise exception 'a line begins today or later, not on %', new.valid_from using errcode = '23514';
  end if;
  perform pg_advisory_xact_lock(7214);
  perform public.organisation_must_stay_apart(new.valid_from);
  return null;
end $$;

create function public.guard_membership_apart() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare home uuid := (select p.unit_id from public.person p where p.id = new.person_id);
begin
  if public.current_office() is null then
    return null;
  end if;
  if new.valid_from is distinct from public.calendar_day() or new.unit_id is distinct from home then
    raise exception 'a membership begins today and is the person''s own unit' using errcode = '23514';
  end if;
  if exists (select from public.reporting_line l
             where new.person_id in (l.functional_head_id, l.disciplinary_head_id, l.board_member_id)) then
    perform pg_advisory_xact_lock(7214);
    perform public.organisation_must_stay_apart(new.valid_from);
  end if;
  return null;
end $$;

-- A person's unit changes only with a membership that says since when.
create function public.guard_person_has_membership() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare newest uuid;
begin
  select m.unit_id into newest from public.membership m where m.person_id = new.id
    order by m.valid_from desc, m.id desc limit 1;
  if newest is distinct from (select p.unit_id from public.person p where p.id = new.id) then
    raise exception 'person %: the unit is not the newest membership', new.id using errcode = '23514';
  end if;
  return null;
end $$;

-- Whoever owns a portfolio takes positions, and is trading (SEG-07).
create function public.guard_portfolio_of_trading() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (select u.function_class from public.unit u where u.id = new.desk_id) is distinct from 'front_office' then
    raise exception 'SEG-07: a portfolio belongs to a unit of trading' using errcode = '23514';
  end if;
  return null;
end $$;

-- Roles ---------------------------------------------------------------------------------------------

-- Everything that counts for a natural person at an instant: grants on any account of theirs, in force, on their way or
-- still to begin, the roles of service accounts they own, and those they hold or shall hold for others. Past its end a grant counts no more.
create function public.effective_roles(person uuid, at timestamptz)
returns table (role text, via text, source_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select g.role, case when a.person_id = person then 'grant' else 'service' end, g.id
  from public.account a join public.role_grant g on g.account_id = a.id
  where (a.person_id = person or a.owner_id = person)
    and g.state in ('requested', 'approved', 'executed')
    and (g.valid_until is null or g.valid_until > at)
  union all
  select r.role, 'deputy', d.id
  from public.account a join public.delegation d on d.deputy_id = a.id
  cross join lateral jsonb_array_elements_text(d.roles) as r(role)
  where a.person_id = person and d.state in ('requested', 'approved') and d.valid_to > at
    and not public.moved_since(d.deputy_id, d.id)
$$;

-- Whether somebody of an office answers today for the unit that a person belongs to.
create function public.managed_by_office(person uuid, office text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from public.answering_on(public.calendar_day()) x
    join public.person p on p.unit_id = x.unit_id
    join public.account a on a.person_id = x.person_id
    where p.id = managed_by_office.person and a.office = managed_by_office.office and not a.disabled)
$$;

-- The same for whoever may know: the offices that look after rights, those whose people answer for the person, and for
-- their own people every other office.
create function public.roles_counting(person uuid, at timestamptz)
returns table (role text, via text, source_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.role, e.via, e.source_id from public.effective_roles(person, at) e
  where public.current_office() in ('administration', 'compliance', 'internal_audit')
     or exists (select from public.account a where a.person_id = person and a.office = public.current_office())
     or public.managed_by_office(person, public.current_office())
$$;

-- Whom a right is for, the person locked: what they hold or wait for cannot change meanwhile. managed: one of the askers
-- answers for the unit today; nobody_above: nobody but the person does.
create function public.beneficiary_of(account uuid, askers uuid[])
returns table (account_id uuid, person_id uuid, office text, service boolean, closed boolean, left_us boolean, unit text,
               function_class text, managed boolean, nobody_above boolean, asked text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  perform from public.account a join public.person p on p.id = a.person_id
    where a.id = beneficiary_of.account and exists (
      select from public.office_action o
      where o.office = public.current_office() and o.action in ('grant.request', 'grant.approve', 'grant.execute'))
    for no key update of p;
  if not found then
    raise exception 'office % asks for no rights', public.current_office() using errcode = '42501';
  end if;
  return query
    with above as materialized (select x.person_id as who, x.unit_id as led from public.answering_on(public.calendar_day()) x)
    select a.id, a.person_id, a.office, a.service, a.disabled, p.disabled, u.name, u.function_class,
           exists (select from above w where w.led = p.unit_id and w.who = any(askers) and w.who <> p.id),
           not exists (select from above w where w.led = p.unit_id and w.who <> p.id),
           array(select g.role from public.role_grant g
                 where g.account_id = a.id and g.state in ('requested', 'approved', 'executed'))
    from public.account a join public.person p on p.id = a.person_id join public.unit u on u.id = p.unit_id
    where a.id = beneficiary_of.account;
end $$;

-- A right begins as a request by somebody who answers for its holder today; for who answers for themselves, the rights
-- administration asks.
create function public.guard_grant_asked() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare holder uuid := (select a.person_id from public.account a where a.id = new.account_id); home uuid;
begin
  if public.current_office() is null then
    return null;  -- the founding, or a recovery
  end if;
  home := (select p.unit_id from public.person p where p.id = holder);
  if new.state <> 'requested' or not exists (
    select from public.audit_effect e
    where e.kind = 'role_grant' and e.id = new.id and e.rev = 1 and e.act = 'grant.request'
      and e.person <> holder::text
      and (exists (select from public.answering_on(public.calendar_day()) x
                   where x.unit_id = home and x.person_id::text in (e.person, e.deputy_for) and x.person_id <> holder)
           or public.current_office() = 'administration'
              and not exists (select from public.answering_on(public.calendar_day()) x
                              where x.unit_id = home and x.person_id <> holder))
  ) then
    raise exception 'ORG-04: right % is not asked for by a manager of its holder', new.id using errcode = '42501';
  end if;
  return null;
end $$;

-- What one natural person holds and may not: two roles that never meet, or a role of another class than their unit's.
create function public.role_conflicts_of(person uuid, at timestamptz)
returns table (control text, left_role text, right_role text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with held as materialized (select * from public.effective_roles(person, at))
  select distinct c.control, c.left_role, c.right_role
  from held l join public.role_conflict c on c.left_role = l.role join held r on r.role = c.right_role
  where l.role < r.role
  union
  select 'SEG-01', g.role, u.function_class
  from held h join public.role_grant g on g.id = h.source_id and h.via = 'grant' and g.state = 'executed'
  join public.account a on a.id = g.account_id
  join public.person p on p.id = person join public.unit u on u.id = p.unit_id
  where u.function_class <> a.office
$$;

-- The same for whoever may know.
create function public.conflicts_counting(person uuid, at timestamptz)
returns table (control text, left_role text, right_role text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.control, c.left_role, c.right_role from public.role_conflicts_of(person, at) c
  where public.current_office() in ('administration', 'compliance', 'internal_audit')
     or exists (select from public.account a where a.person_id = person and a.office = public.current_office())
  order by 1, 2, 3
$$;

-- No grant comes to be that would join in one natural person what separation.csv keeps apart, whoever writes it.
create function public.guard_roles_apart() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare holder uuid; wrong record;
begin
  if new.state not in ('requested', 'approved', 'executed') then
    return null;
  end if;
  for holder in
    select h.id from public.account a cross join lateral (values (a.person_id), (a.owner_id)) as h(id)
    where a.id = new.account_id and h.id is not null
  loop
    perform pg_advisory_xact_lock(hashtextextended(holder::text, 7215));
    select c.* into wrong from public.role_conflicts_of(holder, clock_timestamp()) c
      where new.role in (c.left_role, c.right_role) limit 1;
    if found then
      raise exception '%: % would hold % and %', wrong.control, holder, wrong.left_role, wrong.right_role
        using errcode = '23514';
    end if;
  end loop;
  return null;
end $$;

-- Whose service account answers for it counts as its actor, so the owner's roles and its own never conflict.
create function public.guard_owner_apart() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare wrong record;
begin
  perform pg_advisory_xact_lock(hashtextextended(new.owner_id::text, 7215));
  select c.* into wrong from public.role_conflicts_of(new.owner_id, clock_timestamp()) c limit 1;
  if found then
    raise exception '%: % would hold % and %', wrong.control, new.owner_id, wrong.left_role, wrong.right_role
      using errcode = '23514';
  end if;
  return null;
end $$;

-- Everybody who holds what no one person holds, or answers for what no one person answers for.
create function public.conflicts_of_everybody()
returns table (person_id uuid, control text, left_side text, right_side text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() not in ('compliance', 'internal_audit') then
    raise exception 'only compliance and internal audit look at everybody' using errcode = '42501';
  end if;
  return query
    select p.id, c.control, c.left_role, c.right_role
    from public.person p cross join lateral public.role_conflicts_of(p.id, clock_timestamp()) c
    where not p.disabled
    union
    select o.person_id, o.control, o.left_class, o.right_class
    from public.organisation_conflicts(public.calendar_day()) o
    order by 1, 2, 3, 4;
end $$;

-- End every session of somebody who holds what no one person holds; of nobody else.
create function public.sessions_end_of_conflicted(holder uuid) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare ended integer;
begin
  if public.own_office() <> 'compliance'
     or not exists (select from public.role_conflicts_of(holder, clock_timestamp())) then
    raise exception '% holds nothing that conflicts', holder using errcode = '42501';
  end if;
  perform from public.account a where a.person_id = holder order by a.id for update;
  update public.session s set ended_at = clock_timestamp(), ended_why = 'conflicting rights'
    from public.account a where a.id = s.account_id and a.person_id = holder and s.ended_at is null;
  get diagnostics ended = row_count;
  return ended;
end $$;

-- How the acting person stands to trading ------------------------------------------------------------

-- own: the unit, its class and the board member above it now. trading_line: somebody answers for it and for trading.
-- entered: from which unit, under which board member, the deals were entered. former: units left, that own the object.
-- applied: desks that own the object and to which the person has applied.
create function public.standing_of(actor uuid, entering text[], trades uuid[], kinds text[], ids uuid[])
returns table (fact text, unit_id uuid, function_class text, board text, day date)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  today date := public.calendar_day();
  own uuid := (select p.unit_id from public.person p where p.id = actor);
  whole uuid[];
  desks uuid[];
begin
  whole := trades
    || array(select t.mirrors_id from public.trade t where t.id = any(trades) and t.mirrors_id is not null)
    || array(select t.id from public.trade t where t.mirrors_id = any(trades));
  desks := array(
    select b.desk_id from public.trade t join public.portfolio b on b.id = t.portfolio_id where t.id = any(whole)
    union
    select public.desk_of(q.kind, q.id) from unnest(kinds, ids) as q(kind, id)
  );
  return query
    select 'own', l.unit_id, l.function_class, l.board_member_id::text, null::date
    from public.lines_on(today) l where l.unit_id = own;
  return query
    with answers as materialized (select * from public.answering_on(today))
    select distinct 'trading_line', own, x.function_class, a.person_id::text, null::date
    from answers a join answers x on x.person_id = a.person_id
    where a.unit_id = own and x.function_class = 'front_office';
  return query
    select distinct 'entered', n.unit::uuid, null::text, n.board, null::date
    from (select distinct e.entry_id from public.audit_effect e
          where e.trade_id = any(whole) and e.act = any(entering)) as done
    join public.audit_entry n on n.id = done.entry_id;
  return query
    select 'former', m.unit_id, u.function_class, null::text, m.left_on
    from (select x.unit_id, lead(x.valid_from) over (order by x.valid_from, x.id) as left_on
          from public.membership x where x.person_id = actor) m
    join public.unit u on u.id = m.unit_id
    where m.left_on is not null and m.unit_id is distinct from own and m.unit_id = any(desks);
  return query
    select distinct 'applied', s.unit_id, null::text, null::text, s.effective_on
    from public.staff_event s
    where s.person_id = actor and s.event = 'applies' and s.unit_id = any(desks)
      and not exists (
        select from public.staff_event x
        where x.person_id = actor and x.id > s.id
          and (x.event = 'mover' or x.event = 'withdraws' and x.unit_id = s.unit_id));
end $$;

-- The desk that an object belongs to, if it belongs to one.
create function public.desk_of(kind text, id uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case kind
    when 'portfolio' then (select b.desk_id from public.portfolio b where b.id = desk_of.id)
    when 'transfer' then (select t.desk_id from public.transfer t where t.id = desk_of.id)
    when 'desk_rule' then (select coalesce(r.desk_id, p.unit_id) from public.desk_rule r
                           left join public.person p on p.id = r.person_id where r.id = desk_of.id)
    when 'trading_limit' then (select b.desk_id from public.trading_limit l
                               join public.portfolio b on b.id = l.owner_id where l.id = desk_of.id)
  end
$$;

-- The same for many people and many objects at once, asked before anybody acts: how people stand today, and what
-- objects come from. Former units, and desks applied to, are told whole; which of them count, the object says.
create function public.distances_of(persons uuid[])
returns table (person_id uuid, unit_id uuid, function_class text, board text, trading_line boolean, former jsonb,
               applied uuid[])
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with line as materialized (select * from public.lines_on(public.calendar_day())),
  answers as materialized (select * from public.answering_on(public.calendar_day())),
  trading as materialized (
    select distinct a.unit_id from answers a join answers x on x.person_id = a.person_id
    where x.function_class = 'front_office'
  )
  select p.id, p.unit_id, l.function_class, l.board_member_id::text,
         p.unit_id in (select t.unit_id from trading t),
         (select jsonb_agg(jsonb_build_object('unit', m.unit_id, 'class', u.function_class, 'left_on', m.left_on)
                           order by m.left_on)
          from (select x.unit_id, lead(x.valid_from) over (order by x.valid_from, x.id) as left_on
                from public.membership x where x.person_id = p.id) m
          join public.unit u on u.id = m.unit_id
          where m.left_on is not null and m.unit_id <> p.unit_id),
         array(select s.unit_id from public.staff_event s
               where s.person_id = p.id and s.event = 'applies' and not exists (
                 select from public.staff_event x
                 where x.person_id = p.id and x.id > s.id
                   and (x.event = 'mover' or x.event = 'withdraws' and x.unit_id = s.unit_id)))
  from public.person p join line l on l.unit_id = p.unit_id
  where p.id = any(persons) and public.current_office() is not null
$$;

create function public.origins_of(trades uuid[], kinds text[], ids uuid[], entering text[])
returns table (n integer, fact text, unit_id uuid, board text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with asked as materialized (
    select q.n::integer as n, q.trade, q.kind, q.id
    from unnest(trades, kinds, ids) with ordinality as q(trade, kind, id, n)
    where public.current_office() is not null
  ), deals as materialized (
    select a.n, a.trade from asked a where a.trade is not null
    union
    select a.n, t.mirrors_id from asked a join public.trade t on t.id = a.trade where t.mirrors_id is not null
    union
    select a.n, t.id from asked a join public.trade t on t.mirrors_id = a.trade
  )
  select d.n, 'desk', b.desk_id, null::text
  from deals d join public.trade t on t.id = d.trade join public.portfolio b on b.id = t.portfolio_id
  union
  select o.n, 'desk', o.desk, null::text
  from (select a.n, public.desk_of(a.kind, a.id) as desk from asked a
        where a.kind in ('portfolio', 'transfer', 'desk_rule', 'trading_limit')) as o
  where o.desk is not null
  union
  select done.n, 'entered', x.unit::uuid, x.board
  from (select distinct d.n, e.entry_id from deals d join public.audit_effect e on e.trade_id = d.trade
        where e.act = any(entering)) as done
  join public.audit_entry x on x.id = done.entry_id
$$;

-- Who did what to each of these objects and what they come from, at once: what is asked of a whole page of work. An
-- internal deal has two halves; what was done to either counts for both.
create function public.pasts_of(trades uuid[], kinds text[], ids uuid[], entering text[])
returns table (n integer, fact text, unit_id uuid, board text, kind text, id uuid, act text, person text, at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with asked as materialized (
    select q.n::integer as n, q.trade, q.kind, q.id
    from unnest(trades, kinds, ids) with ordinality as q(trade, kind, id, n)
  ), acts as materialized (
    select h.* from public.history_of(array(select distinct a.trade from asked a where a.trade is not null), kinds, ids) h
  ), deals as materialized (
    select a.n, a.trade from asked a where a.trade is not null
    union
    select a.n, t.mirrors_id from asked a join public.trade t on t.id = a.trade where t.mirrors_id is not null
    union
    select a.n, t.id from asked a join public.trade t on t.mirrors_id = a.trade
  )
  select o.n, o.fact, o.unit_id, o.board, null::text, null::uuid, null::text, null::text, null::timestamptz
  from public.origins_of(trades, kinds, ids, entering) o
  union all
  select x.n, 'act', null::uuid, null::text, x.kind, x.id, x.act, x.person, x.at
  from (
    select d.n, h.kind, h.id, h.act, h.person, h.at, h.entry_id from deals d join acts h on h.trade_id = d.trade
    union
    select a.n, h.kind, h.id, h.act, h.person, h.at, h.entry_id from asked a join acts h on (h.kind, h.id) = (a.kind, a.id)
  ) as x
$$;

-- How often anything has changed that says who is there and what they may do. Whoever keeps an answer of everybody()
-- for a moment asks again once this has moved on. It moves before the change is committed, never after.
create sequence public.people_epoch;

create function public.people_epoch() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.last_value from public.people_epoch e
$$;

create function public.people_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform nextval('public.people_epoch');
  return null;
end $$;

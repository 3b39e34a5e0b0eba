-- Deputies: roles that an account holds for somebody else, for a time. They are computed whenever somebody asks, so
-- a delegation that ended a second ago gives nothing, and no job has to see to it.

-- Whether the person of an account moved or left after an identifier was given, by whatever act: what was delegated before then ends
-- with the event itself (ORG-04). Identifiers are in the order of time.
create function public.moved_since(account uuid, since uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from public.account a join public.staff_event s on s.person_id = a.person_id
    where a.id = moved_since.account and s.event in ('mover', 'leaver') and s.id > moved_since.since
    union all
    select from public.account a join public.membership m on m.person_id = a.person_id
    where a.id = moved_since.account and m.id > moved_since.since
  )
$$;

-- The roles that an account holds for others now, with the person whose they are. A role that the account holds
-- itself is its own; one that its giver lost, or holds for somebody else in turn, is nobody's to give (no chains).
create function public.delegated(account uuid)
returns table (role text, person_id uuid, delegation_id uuid)
language sql stable security definer rows 3 set search_path = pg_catalog, pg_temp as $$
  select distinct on (r.role) r.role, p.id, d.id
  from public.delegation d
  cross join lateral jsonb_array_elements_text(d.roles) as r(role)
  join public.account o on o.id = d.account_id and not o.disabled
  join public.person p on p.id = o.person_id and not p.disabled
  join public.role_grant g on g.account_id = d.account_id and g.role = r.role and g.state = 'executed'
   and (g.valid_from is null or g.valid_from <= clock_timestamp())
   and (g.valid_until is null or g.valid_until > clock_timestamp())
  where d.deputy_id = delegated.account and d.state = 'approved'
    and clock_timestamp() >= d.valid_from and clock_timestamp() < d.valid_to
    and not public.moved_since(d.deputy_id, d.id) and not public.moved_since(d.account_id, d.id)
    and not exists (select from public.role_grant w
                    where w.account_id = delegated.account and w.role = r.role and w.state = 'executed'
                      and (w.valid_from is null or w.valid_from <= clock_timestamp())
                      and (w.valid_until is null or w.valid_until > clock_timestamp()))
  order by r.role, d.valid_from, d.id
$$;

-- Every role of an account now: its own, and those it holds for others.
create function public.roles_held(account uuid) returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(x.role order by x.role), '{}') from (
    select g.role from public.role_grant g
    where g.account_id = roles_held.account and g.state = 'executed'
      and (g.valid_from is null or g.valid_from <= clock_timestamp())
      and (g.valid_until is null or g.valid_until > clock_timestamp())
    union
    select d.role from public.delegated(roles_held.account) d) as x
$$;

-- Whose roles an account's are, where they are not its own: {"role": "person"}.
create function public.deputy_for(account uuid) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_object_agg(d.role, d.person_id), '{}'::jsonb) from public.delegated(deputy_for.account) d
$$;

-- What a deputy and whoever gives duties must be known by: the account, its person and unit, the roles that are its
-- own, and all roles that count for the person on whatever account, those on their way included.
create function public.duties_of(account uuid)
returns table (account_id uuid, name text, person_id uuid, office text, service boolean, enabled boolean,
               function_class text, own text[], counting text[])
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.name, a.person_id, a.office, a.service, not a.disabled and not p.disabled, u.function_class,
         array(select g.role from public.role_grant g
               where g.account_id = a.id and g.state = 'executed'
                 and (g.valid_from is null or g.valid_from <= clock_timestamp())
                 and (g.valid_until is null or g.valid_until > clock_timestamp()) order by g.role),
         array(select g.role from public.role_grant g join public.account b on b.id = g.account_id
               where b.person_id = a.person_id and g.state in ('requested', 'approved', 'executed')
                 and (g.valid_until is null or g.valid_until > clock_timestamp())
               union
               select r.role from public.delegation d join public.account b on b.id = d.deputy_id
               cross join lateral jsonb_array_elements_text(d.roles) as r(role)
               where b.person_id = a.person_id and d.state in ('requested', 'approved')
                 and d.valid_to > clock_timestamp() and not public.moved_since(d.deputy_id, d.id)
               order by 1)
  from public.account a join public.person p on p.id = a.person_id join public.unit u on u.id = p.unit_id
  where a.id = duties_of.account and public.current_office() is not null
$$;

-- Guards --------------------------------------------------------------------------------------------

-- An office gives away duties of its own accounts only, as a request; the administration decides, and either side or
-- the administration ends.
create function public.guard_delegation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.current_office();
begin
  if own is null then  -- the owner, in a recovery
    return new;
  end if;
  if tg_op = 'INSERT' then
    if new.state <> 'requested' or own <> 'administration' and not exists (
      select from public.account a where a.id = new.account_id and a.office = own
    ) then
      raise exception 'office % does not give away the duties of account %', own, new.account_id using errcode = '42501';
    end if;
    return new;
  end if;
  if new.state in ('approved', 'refused') and own = 'administration' and old.state = 'requested' then
    return new;
  end if;
  if new.state = 'ended' and old.state in ('requested', 'approved') and (own = 'administration' or exists (
    select from public.account a where a.id in (new.account_id, new.deputy_id) and a.office = own
  )) then
    return new;
  end if;
  raise exception 'office % does not bring a delegation from % to %', own, old.state, new.state using errcode = '42501';
end $$;

-- Whoever approves is neither who asked nor who gives nor who takes, as a natural person; the duties go to another
-- person of the office they belong to.
create function public.guard_delegation_approved() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.state = 'approved' and public.current_office() is not null and not exists (
    select from public.audit_effect e
    join public.account g on g.id = new.account_id
    join public.account d on d.id = new.deputy_id
    join public.account r on r.id = new.requested_by
    where e.kind = 'delegation' and e.id = new.id and e.rev = new.rev and e.act = 'delegation.approve'
      and e.person not in (g.person_id::text, d.person_id::text, r.person_id::text)
      and g.person_id <> d.person_id and g.office = d.office
  ) then
    raise exception 'delegation % is not approved by another person', new.id using errcode = '42501';
  end if;
  return null;
end $$;

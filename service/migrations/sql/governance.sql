-- A change of the policy takes three people, whatever a login sends; only the service itself puts it in force.

create function public.guard_policy_draft() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    if new.state is distinct from 'drafted' then
      raise exception 'a change of the policy begins as a draft' using errcode = '23514';
    end if;
    return new;
  end if;
  if new.state is not distinct from old.state then
    return new;
  end if;
  if public.current_office() is null then
    return new;  -- the service itself, by no office's login
  end if;
  if new.state = 'refused' and old.state in ('drafted', 'endorsed', 'approved') then
    return new;
  end if;
  if (old.state, new.state) in (('drafted', 'endorsed'), ('endorsed', 'approved')) then
    return new;
  end if;
  raise exception 'a policy draft that is % does not become %', old.state, new.state using errcode = '42501';
end $$;

-- At commit: endorsed has one approval, approved two, and each is another person's than the draft.
create function public.guard_policy_approved() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  approvals integer;
  needed integer := case new.state when 'approved' then 2 else 1 end;
begin
  if public.current_office() is null or new.state not in ('endorsed', 'approved') then
    return null;
  end if;
  select count(distinct a.person_id) into approvals from public.policy_approval a
    where a.draft_id = new.id and a.person_id <> new.author_id;
  if approvals < needed then
    raise exception 'policy draft % has % approvals', new.id, approvals using errcode = '42501';
  end if;
  return null;
end $$;

-- An author is who acts, and an approval is that of whoever does the act.
create function public.guard_policy_hand() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare claimed uuid := case tg_table_name when 'policy_draft' then (to_jsonb(new)->>'author_id')::uuid
                                           else (to_jsonb(new)->>'person_id')::uuid end;
begin
  if public.current_office() is not null and not exists (
    select from public.audit_effect e
    where e.kind = tg_table_name and e.id = new.id and e.rev = 1 and e.person = claimed::text
  ) then
    raise exception '% % is not of who did it', tg_table_name, new.id using errcode = '42501';
  end if;
  return null;
end $$;

-- The files of the policy that was put in force last; none while the release's own is.
create function public.policy_files() returns table (version text, file text, content text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select d.version, f.key, t.content
  from public.policy_draft d cross join lateral jsonb_each_text(d.files) as f
  left join public.policy_text t on t.sha256 = f.value
  where d.state = 'active'
$$;

create function public.policy_now() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.version from public.policy_epoch e limit 1
$$;

-- Whether a change waits whose time has come.
create function public.policy_due() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from public.policy_draft d where d.state = 'approved' and d.effective_at <= clock_timestamp())
$$;

-- What the log's decisions since an instant came to, counted: who approves a change sees its effect, not the entries.
create function public.policy_decisions(since timestamp with time zone)
returns table (act text, outcome text, roles jsonb, rule text, n bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.act, e.outcome, b.body #> '{actor,roles}', b.body #>> '{decision,rules,0}', count(*)
  from public.audit_entry e
  cross join lateral (select convert_from(e.bytes, 'UTF8')::jsonb as body) as b
  where e.recorded_at >= since
  group by 1, 2, 3, 4
$$;

-- How many acts since an instant a rule of history would have barred, had it been in force.
create function public.policy_barred(
  barred text, differs text[], by_trade boolean, days integer, since timestamp with time zone
) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(distinct e.id)
  from public.audit_effect a
  join public.audit_entry e on e.id = a.entry_id
  join public.audit_effect b on b.person = a.person and b.act = any(differs) and b.at < a.at
    and (case when by_trade then b.trade_id = a.trade_id else b.kind = a.kind and b.id = a.id end)
    and (days is null or b.at >= a.at - make_interval(days => days))
  where a.act = barred and e.outcome = 'allow' and a.at >= since
$$;

-- Every person with every role that counts for them: who approves a change must see whom it gives what, in all offices.
create function public.policy_people(at timestamp with time zone) returns table (person_id uuid, role text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.person_id, r.role
  from (select distinct a.person_id from public.account a where not a.service) p
  cross join lateral public.effective_roles(p.person_id, at) r
$$;

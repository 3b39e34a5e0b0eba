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
  join public.policy_text t on t.sha256 = f.value
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

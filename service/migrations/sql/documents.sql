-- Papers: the bytes under their own hash, seen by the offices that work with them.

-- Keep bytes under the hash that is computed here. What is kept already stays as it is; nothing is ever overwritten.
create function public.document_keep(content bytea, entry uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  own text := public.own_office();
  digest text := encode(sha256(content), 'hex');
begin
  if own = 'front_office' then
    raise exception 'trading files no papers' using errcode = '42501';
  end if;
  insert into public.document_content (sha256, content, entry_id) values (digest, content, entry)
    on conflict do nothing;
  return digest;
end $$;

-- Who works with which paper: its own office, compliance and internal audit all of them, others by its kind.
-- What compliance or internal audit filed they keep to themselves. Trading sees none: a confirmation reaches it
-- as the state of its deal, after the back office has opened it (SET-05).
create function public.papers_in_sight() returns text[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(a.kind), '{}') from (values
    ('confirmation_in', 'back_office'), ('confirmation_in', 'risk_control'),
    ('confirmation_out', 'back_office'), ('confirmation_out', 'risk_control'),
    ('contract', 'back_office'), ('contract', 'credit'), ('contract', 'legal'),
    ('contract', 'master_data'), ('contract', 'risk_control'),
    ('evidence', 'back_office'), ('evidence', 'risk_control'),
    ('letter', 'back_office'), ('letter', 'legal'),
    ('payment_out', 'accounting'), ('payment_out', 'back_office'),
    ('statement', 'accounting'), ('statement', 'back_office'),
    ('status_in', 'accounting'), ('status_in', 'back_office')
  ) as a(kind, office) where a.office = public.current_office()
$$;

create function public.document_in_sight(filer text, paper text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.own is null or o.own in ('compliance', 'internal_audit') or o.own = filer
      or (filer not in ('compliance', 'internal_audit') and paper = any (public.papers_in_sight()))
  from (select public.current_office() as own) as o
$$;

create function public.content_in_sight(digest text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from public.document d
                 where d.sha256 = digest and public.document_in_sight(d.office, d.document_kind))
$$;

-- Whoever files, files for the own office; messages belong to the back office alone (SET-01, SET-05).
create function public.guard_document() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.current_office();
begin
  if own is null then
    return new;  -- a recovery puts rows back
  end if;
  if new.office is distinct from own then
    raise exception 'office % files no paper of %', own, new.office using errcode = '42501';
  end if;
  if new.document_kind not in ('contract', 'evidence', 'other', 'statement') and own <> 'back_office' then
    raise exception 'office % files no %', own, new.document_kind using errcode = '42501';
  end if;
  return new;
end $$;

-- At commit: the bytes are there, and the paper concerns the deal and the account that its entry names.
create function public.guard_document_filed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return null;
  end if;
  if not exists (
    select from public.document_content c where c.sha256 = new.sha256 and octet_length(c.content) = new.size
  ) then
    raise exception 'document %: its bytes are not kept', new.id using errcode = '23503';
  end if;
  if not exists (
    select from public.audit_effect f join public.audit_entry e on e.id = f.entry_id
    where f.kind = 'document' and f.id = new.id and f.rev = 1
      and f.trade_id is not distinct from new.trade_id and e.account = new.filed_by::text
  ) then
    raise exception 'document %: its entry is of another deal or account', new.id using errcode = '23503';
  end if;
  return null;
end $$;

-- No bytes without a paper that says what they are.
create function public.guard_content_filed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from public.document d where d.sha256 = new.sha256) then
    raise exception 'content %: no document names it', new.sha256 using errcode = '23503';
  end if;
  return null;
end $$;

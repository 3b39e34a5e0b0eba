-- Sessions and credentials: an office sees and changes only its own accounts' -----------------------

create function public.credential_of(account_name text)
returns table (account_id uuid, secret text, one_time boolean, retry_at timestamptz, disabled boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, c.secret, c.one_time, c.retry_at, a.disabled
  from public.account a join public.credential c on c.account_id = a.id
  where a.name = account_name and a.office = public.current_office() and not a.service
$$;

create function public.credential_set(account uuid, hashed text, temporary boolean, entry uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.own_office();
begin
  if not exists (select from public.account a where a.id = account and not a.service
                 and (a.office = own or own = 'administration' and temporary)) then
    raise exception 'office % does not set that password', own using errcode = '42501';
  end if;
  insert into public.credential (account_id, secret, one_time, failures, entry_id)
    values (account, hashed, temporary, 0, entry)
  on conflict (account_id) do update
    set secret = excluded.secret, one_time = excluded.one_time, failures = 0, retry_at = null,
        entry_id = excluded.entry_id;
end $$;

create function public.login_failed(account uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update public.credential c
    set failures = c.failures + 1,
        retry_at = case when c.failures < 4 then null
                   else clock_timestamp() + make_interval(secs => least(300, power(2, least(c.failures - 3, 9)))) end
    from public.account a
    where c.account_id = account and a.id = account and a.office = public.current_office()
$$;

-- Whether an account's use on a second device is under review already.
create function public.second_device_told(account uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from public.work_item w
                 where w.subject_id = account and w.kind = 'second_device' and w.closed_entry_id is null)
$$;

-- Whether the person of an account has a session on another device, on whatever account and in whatever office (A-10):
-- null if not, else whether compliance was told. Two who sign in at once come one after the other.
create function public.session_elsewhere(account uuid, device text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare holder uuid := (select a.person_id from public.account a
                        where a.id = session_elsewhere.account and a.office = public.own_office());
begin
  perform from public.person p where p.id = holder for no key update;
  if exists (
    select from public.session s join public.account a on a.id = s.account_id
    where a.person_id = holder and s.ended_at is null and s.expires_at > clock_timestamp()
      and s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds)
      and s.device <> session_elsewhere.device
  ) then
    return case when public.second_device_told(session_elsewhere.account) then 'told' else 'new' end;
  end if;
  return null;
end $$;

create function public.session_open(session uuid, account uuid, token bytea, idle integer, lifetime integer,
                                    limited boolean, entry uuid, device text default null) returns timestamptz
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.own_office(); until timestamptz := clock_timestamp() + make_interval(secs => least(lifetime, 86400));
begin
  -- A revocation that ends this account's sessions waits for this one, or this one for it.
  perform from public.account a where a.id = account for share;
  if not exists (select from public.account a join public.person p on p.id = a.person_id
                 where a.id = account and a.office = own and not a.disabled and not a.service and not p.disabled) then
    raise exception 'office % opens no session for that account', own using errcode = '42501';
  end if;
  if exists (select from public.account a
             cross join lateral public.role_conflicts_of(a.person_id, clock_timestamp()) c where a.id = account) then
    raise exception 'the person holds roles that no one person holds' using errcode = '42501';
  end if;
  if public.session_elsewhere(account, device) is not null then
    raise exception 'A-10: the person is signed in on another device' using errcode = '42501';
  end if;
  update public.credential c set failures = 0, retry_at = null where c.account_id = account;
  insert into public.session
    (id, account_id, token_sha256, opened_at, last_seen_at, idle_seconds, expires_at, restricted, device, entry_id)
    values (session, account, token, clock_timestamp(), clock_timestamp(), idle, until, limited,
            session_open.device, entry);
  return until;
end $$;

create function public.account_view(account uuid)
returns table (account_id uuid, name text, person_id uuid, office text, unit_id uuid, board text,
               service boolean, roles text[], deputy_for jsonb, owner_id uuid,
               absence_id uuid, absent_until date, absence_told boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.name, a.person_id, a.office, p.unit_id,
         (select l.board_member_id::text from public.reporting_line l
          where l.unit_id = p.unit_id and l.valid_from <= public.calendar_day()
          order by l.valid_from desc, l.id desc limit 1), a.service,
         public.roles_held(a.id), public.deputy_for(a.id), a.owner_id,
         w.absence_id, w.until, w.told
  from public.account a join public.person p on p.id = a.person_id
  left join lateral public.away(a.person_id) w on true
  where a.id = account and not a.disabled and not p.disabled and a.office = public.current_office()
$$;

create function public.service_account() returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id from public.account a
  where a.office = public.current_office() and a.service and a.name = 'svc.' || a.office
$$;

-- Who a token is, how long it lasts without another request, and whether it is used on another device than it was
-- given to; that does not keep it alive.
create function public.session_find(token bytea, device text default null)
returns table (session_id uuid, restricted boolean, seconds_left double precision, elsewhere boolean, told boolean,
               account_id uuid, name text,
               person_id uuid, office text, unit_id uuid, board text, service boolean, roles text[],
               deputy_for jsonb, owner_id uuid, absence_id uuid, absent_until date, absence_told boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  update public.session s set last_seen_at = clock_timestamp()
    where s.token_sha256 = token and s.ended_at is null and s.expires_at > clock_timestamp()
      and s.last_seen_at < clock_timestamp() - interval '30 seconds'
      and s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds)
      and coalesce(s.device = session_find.device, true);
  return query
    select s.id, s.restricted,
           extract(epoch from least(s.expires_at, s.last_seen_at + make_interval(secs => s.idle_seconds))
                              - clock_timestamp())::double precision,
           coalesce(s.device <> session_find.device, false),
           s.device <> session_find.device and public.second_device_told(s.account_id), v.*
    from public.session s cross join lateral public.account_view(s.account_id) v
    where s.token_sha256 = token and s.ended_at is null and s.expires_at > clock_timestamp()
      and s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds);
end $$;

-- Ends a session of the own office; the administration ends anybody's.
create function public.session_end(session uuid, why text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update public.session s set ended_at = clock_timestamp(), ended_why = why
    from public.account a
    where s.id = session and s.ended_at is null and a.id = s.account_id
      and public.current_office() in (a.office, 'administration')
$$;

-- The sessions in force of some accounts, never their tokens: of the own office, for the administration of every one.
-- Which machine one was opened at, only the own office sees.
create function public.sessions_of(accounts uuid[])
returns table (id uuid, account_id uuid, opened_at timestamptz, last_seen_at timestamptz, ends_at timestamptz,
               restricted boolean, device text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id, s.account_id, s.opened_at, s.last_seen_at,
         least(s.expires_at, s.last_seen_at + make_interval(secs => s.idle_seconds)), s.restricted,
         case when a.office = public.current_office() then s.device end
  from public.session s join public.account a on a.id = s.account_id
  where s.account_id = any (accounts) and public.current_office() in (a.office, 'administration')
    and s.ended_at is null and s.expires_at > clock_timestamp()
    and s.last_seen_at > clock_timestamp() - make_interval(secs => s.idle_seconds)
  order by s.opened_at, s.id
$$;

create function public.sessions_end_of(account uuid, why text) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.own_office(); ended integer;
begin
  perform from public.account a where a.id = account for update;
  update public.session s set ended_at = clock_timestamp(), ended_why = why
    from public.account a
    where s.account_id = account and s.ended_at is null and a.id = account
      and (own = 'administration' or a.office = own);
  get diagnostics ended = row_count;
  return ended;
end $$;

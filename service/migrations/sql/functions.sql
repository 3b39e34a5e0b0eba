-- What an office may do beyond its own tables: owner-defined functions and nothing else.
-- Every function pins its search path, names its objects with their schema, and takes the office from
-- session_user, which no statement of a login can change.

-- What runs for every row is in PL/pgSQL, which plans it once a session; a function in SQL is planned at every call.
create function public.current_office() returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select l.office from public.office_login l where l.login = session_user);
end $$;

create function public.own_office() returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.current_office();
begin
  if own is null then
    raise exception 'login % belongs to no office', session_user using errcode = '42501';
  end if;
  return own;
end $$;

-- Guards ------------------------------------------------------------------------------------------

create function public.row_lags(row_kind text, row_id uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select public.current_office() is not null
     and exists (select from public.lagging_row l
                 where l.kind = row_kind and l.object_id = row_id and l.righted_at is null)
$$;

create function public.guard_recorded() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    if new.rev is distinct from 1 then
      raise exception '%: a first revision is 1, not %', tg_table_name, new.rev using errcode = '23514';
    end if;
    return new;
  end if;
  if tg_op = 'UPDATE' then
    if new.id is distinct from old.id or new.rev is distinct from old.rev + 1 then
      raise exception '%: revision % follows %, not %', tg_table_name, old.rev + 1, old.rev, new.rev
        using errcode = '23514';
    end if;
    if public.row_lags(tg_table_name, new.id) then
      raise exception '% % lags behind the log since a recovery', tg_table_name, new.id using errcode = 'TW001';
    end if;
    return new;
  end if;
  raise exception '%: rows are never deleted', tg_table_name using errcode = '42501';
end $$;

create function public.guard_append_only() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '%: rows are neither changed nor deleted', tg_table_name using errcode = '42501';
end $$;

-- A row that carries an entry's id instead of a revision came in the transaction of that entry, by its office.
create function public.guard_came_with_entry() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (
    select from public.audit_entry e
    where e.id = new.entry_id and e.xmin = pg_current_xact_id()::xid
      and not exists (select from public.office_login l where l.login = session_user and l.office <> e.office)
  ) then
    raise exception '%: entry % is not of this act', tg_table_name, new.entry_id using errcode = '42501';
  end if;
  return null;
end $$;

-- A deal bears the number that was taken for it, and none of its own choosing.
create function public.guard_number_taken() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (
    select from public.deal_number d
    where d.book_id = new.portfolio_id and d.number = new.number and d.trade_id = new.id
  ) then
    raise exception 'number % was not taken for deal %', new.number, new.id using errcode = '23503';
  end if;
  return null;
end $$;

-- Entries stand in the log in the order of their commits: one that took too long would run against time there.
-- Those that a recovery takes from the files have their places; it comes by no office's login.
create function public.guard_committed_in_time() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.recorded_at < clock_timestamp() - interval '90 seconds' then  -- alone: else every commit would lock the index
    if public.current_office() is not null
       or not exists (select from public.audit_index i where i.entry_id = new.id) then
      raise exception 'entry % of % is committed too late', new.id, new.recorded_at using errcode = '40001';
    end if;
  end if;
  return null;
end $$;

create function public.guard_journal_balanced() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare wrong record;
begin
  select l.currency, sum(l.amount) as amount, sum(l.eur_amount) as eur into wrong
    from public.journal_line l where l.journal_id = new.journal_id
    group by l.currency having sum(l.amount) <> 0 or sum(l.eur_amount) <> 0 limit 1;
  if found then
    raise exception 'journal % does not balance in %: % (EUR %)',
      new.journal_id, wrong.currency, wrong.amount, wrong.eur using errcode = '23514';
  end if;
  return null;
end $$;

-- The log -----------------------------------------------------------------------------------------

-- What the database takes from an entry's bytes, read once.
create type public.entry_facts as (
  n integer, bytes bytea, leaf bytea, id uuid, id_text text, ts timestamptz, act text, outcome text, policy text,
  office text, account text, person text, kind text, deputy_for text, owner text, unit text, board text,
  trade_id uuid, effects jsonb, published text
);

create function public.entries_read(entries bytea[]) returns public.entry_facts[]
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  return (
    select array_agg(row(
             r.n, r.bytes, sha256('\x00'::bytea || r.bytes), (r.body->>'id')::uuid, r.body->>'id',
             (r.body->>'ts')::timestamptz, r.body->>'act', r.decision->>'outcome', r.decision->>'policy',
             r.actor->>'office', r.actor->>'account', r.actor->>'person', r.actor->>'type', r.actor->>'deputy_for',
             r.actor->>'owner', r.actor->>'unit', r.actor->>'board', (r.body #>> '{links,trade}')::uuid,
             coalesce(r.body->'eff', '[]'), r.body #>> '{data,policy}')::public.entry_facts order by r.n)
    from (select e.n, e.bytes, e.body, e.body->'actor' as actor, e.body->'decision' as decision
          from (select x.n, x.bytes, pg_catalog.convert_from(x.bytes, 'UTF8')::jsonb as body
                from unnest(entries) with ordinality as x(bytes, n) offset 0) e) r);
end $$;

-- own is null for entries of every office, which a recovery takes from the files.
create function public.facts_store(own text, facts public.entry_facts[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare bad record;
begin
  insert into public.audit_entry
      (id, leaf, bytes, office, act, outcome, account, person, trade_id, recorded_at, unit, board)
    select f.id, f.leaf, f.bytes, coalesce(own, f.office), f.act, f.outcome, f.account, f.person, f.trade_id, f.ts,
           f.unit, f.board
    from unnest(facts) f order by f.n;
  insert into public.audit_pending (entry_id) select f.id from unnest(facts) f order by f.n;
  insert into public.audit_effect
      (kind, id, rev, entry_id, leaf, after, act, person, deputy_for, owner, office, at, trade_id)
    select x.eff->>'kind', (x.eff->>'id')::uuid, (x.eff->>'rev')::integer, f.id, f.leaf, x.eff->>'after', f.act, f.person,
           f.deputy_for, f.owner, coalesce(own, f.office), f.ts, f.trade_id
    from unnest(facts) f cross join lateral jsonb_array_elements(f.effects) as x(eff)
    order by f.n;
  select x.eff->>'kind' as kind, x.eff->>'id' as id, x.eff->>'rev' as rev into bad
    from unnest(facts) f
    cross join lateral jsonb_array_elements(f.effects) as x(eff)
    where case when (x.eff->>'rev')::integer = 1 then x.eff ? 'prev'
               else x.eff->>'prev' is distinct from (
                 select encode(p.leaf, 'hex') from public.audit_effect p
                 where p.kind = x.eff->>'kind' and p.id = (x.eff->>'id')::uuid and p.rev = (x.eff->>'rev')::integer - 1)
          end
    limit 1;
  if found then
    raise exception 'revision % of % % does not follow the one before it', bad.rev, bad.kind, bad.id
      using errcode = '40001';
  end if;
end $$;

create function public.audit_store(own text, entries bytea[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform public.facts_store(own, public.entries_read(entries));
end $$;

-- A process that knows an older policy may still record that it was refused.
create function public.policy_was_published(policy text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (
    select from public.audit_entry e
    where e.act = 'policy.publish' and e.outcome = 'allow'
      and pg_catalog.convert_from(e.bytes, 'UTF8')::jsonb #>> '{data,policy}' = policy)
$$;

-- Entries are in the order of their commits: the clock that stamps them agrees with this one, and none is older than
-- what stands in the log already, even if both clocks jump together.
create function public.facts_in_time(facts public.entry_facts[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  now timestamptz := clock_timestamp();
  newest timestamptz := (select max(e.recorded_at) from public.audit_entry e);
  wrong timestamptz;
begin
  select f.ts into wrong
    from unnest(facts) f
    where f.ts not between now - interval '60 seconds' and now + interval '10 seconds'
       or f.ts < newest - interval '60 seconds'
    limit 1;
  if found then
    raise exception 'an entry of % does not fit: it is % here, and the newest entry is of %', wrong, now, newest
      using errcode = 'TW002';
  end if;
end $$;

create function public.must_be_in_time(entries bytea[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform public.facts_in_time(public.entries_read(entries));
end $$;

create function public.audit_append(entries bytea[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare own text := public.own_office(); facts public.entry_facts[] := public.entries_read(entries); bad record;
begin
  perform public.facts_in_time(facts);
  select f.act, f.account, a.person_id as person, f.outcome into bad
    from unnest(facts) f
    left join public.account a
      on a.id = case when f.account ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then f.account::uuid end
         and a.person_id::text = f.person and a.office = own
    where f.office is distinct from own
       or f.outcome not in ('allow', 'refuse')
       or f.outcome is null
       or (a.id is null and not (f.outcome = 'refuse' and f.act = 'session.open' and f.account like 'anonymous:%'))
       or (a.id is not null and f.kind is distinct from case when a.service then 'service' else 'human' end)
       or f.owner is distinct from a.owner_id::text
       or (f.deputy_for is not null and not exists (
             select from public.delegation d join public.account g on g.id = d.account_id
             where d.deputy_id = a.id and g.person_id::text = f.deputy_for and d.state in ('approved', 'ended')))
       or octet_length(f.bytes) not between 2 and 65535
       or f.id::text is distinct from f.id_text
       or f.ts is null
       or not exists (select from public.policy_epoch v where v.version = f.policy)
          and not (f.outcome = 'refuse' and public.policy_was_published(f.policy))
       or (f.outcome = 'refuse' and jsonb_array_length(f.effects) > 0)
       or (f.outcome = 'allow'
           and not exists (select from public.office_action o where o.office = own and o.action = f.act))
       or f.act = 'log.genesis'
       or (f.act = 'policy.publish' and not exists (select from public.policy_epoch v where v.version = f.published))
       or (f.outcome = 'allow' and f.act <> 'session.close' and not a.service
           and exists (select from public.absence b where b.person_id = a.person_id and b.state = 'accepted'
                       and public.desk_day() between b.first_day and b.last_day))
    limit 1;
  if found then
    if bad.outcome = 'allow' and exists (select from public.away(bad.person)) then
      raise exception '% is on leave: nothing is done in the name of %', bad.person, bad.account using errcode = 'TW004';
    end if;
    raise exception 'office % cannot append % for account %', own, bad.act, bad.account using errcode = '42501';
  end if;
  select x.eff->>'kind' as kind into bad
    from unnest(facts) f
    cross join lateral jsonb_array_elements(f.effects) as x(eff)
    where not exists (select from public.office_kind k where k.office = own and k.kind = x.eff->>'kind')
       or (x.eff->>'id')::uuid::text is distinct from x.eff->>'id'
       or ((x.eff->>'rev')::integer >= 1) is not true
       or x.eff->>'kind' = 'role_grant' and own <> 'administration' and f.act = 'grant.request'
          and (x.eff->>'rev')::integer > 1
    limit 1;
  if found then
    raise exception 'office % has no such effects of kind %', own, bad.kind using errcode = '42501';
  end if;
  perform public.facts_store(own, facts);
  perform public.facts_stay_apart(facts);
end $$;

-- What apart.csv keeps apart, no login writes either: the entries just stored are held against the whole history of
-- their deal and of the objects they touch, by natural person. The gate asks before it acts, and what it admits passes
-- here; this asks whoever writes past the gate. Rows of a whole deal are nobody's own object: its two payments share
-- them. An act on a deal that names no deal would leave no history, and one that names another's leaves both.
create function public.facts_stay_apart(facts public.entry_facts[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare done record; named uuid[]; whole uuid[]; broken text;
begin
  for done in
    select n.id, n.act, n.trade_id, n.ts as recorded_at, n.person, n.deputy_for, n.owner,
           exists (select from public.apart_pair q where q.action = n.act and q.scope = 'trade') as of_a_deal
    from unnest(facts) n
    where n.outcome = 'allow' and exists (select from public.apart_pair q where q.action = n.act)
  loop
    -- A block of absence covers every deal of a trader; the gate looks at each, and acts_of finds it later.
    -- What came from outside, and an alert about it, may be about no deal of ours, as long as none was found for it.
    if done.of_a_deal and done.trade_id is null and done.act <> 'absence.accept' and exists (
         select from public.audit_effect f
         where f.entry_id = done.id and (
           f.kind not in ('alert_review', 'alleged_deal', 'case_file', 'case_note', 'document', 'inbound_message', 'payment_status')
           or exists (select from public.audit_effect p
                      where p.kind = f.kind and p.id = f.id and p.trade_id is not null))
       ) then
      raise exception '% names no deal', done.act using errcode = '42501';
    end if;
    named := array(
      select done.trade_id where done.trade_id is not null
      union
      select case when f.kind in ('trade', 'trade_control') then f.id else p.trade_id end
      from public.audit_effect f
      left join public.audit_effect p on p.kind = f.kind and p.id = f.id and p.trade_id is not null
      where f.entry_id = done.id and done.of_a_deal
    );
    whole := named
      || array(select t.mirrors_id from public.trade t where t.id = any(named) and t.mirrors_id is not null)
      || array(select t.id from public.trade t where t.mirrors_id = any(named));
    perform pg_advisory_xact_lock(hashtextextended(w.trade::text, 7213))
      from (select distinct u.trade from unnest(whole) as u(trade) where u.trade is not null) as w order by w.trade;
    select q.control into broken
      from public.apart_pair q
      cross join lateral (
        select f.* from public.audit_effect f
        where q.scope = 'trade' and f.trade_id = any(whole) and f.act = q.differs
        union all
        select p.* from public.audit_effect f
        join public.audit_effect p on p.kind = f.kind and p.id = f.id
        where f.entry_id = done.id and f.kind not in ('trade', 'trade_control') and p.act = q.differs
      ) as past
      where q.action = done.act and past.entry_id <> done.id
        and (q.days = 0 or done.recorded_at - past.at <= make_interval(days => q.days))
        and array[past.person, past.deputy_for, past.owner]
            && array_remove(array[done.person, done.deputy_for, done.owner], null)
      order by q.control limit 1;
    if found then
      raise exception '% is kept apart from what was done before (%)', done.act, broken using errcode = '42501';
    end if;
  end loop;
end $$;

create function public.audit_genesis(entries bytea[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  lock table public.audit_entry in share row exclusive mode;
  if exists (select from public.audit_entry) then
    raise exception 'the log has begun; there is one genesis' using errcode = '42501';
  end if;
  perform public.audit_store('log', entries);
end $$;

-- Take entries from the log's own files, at the places they have there; no office may. What the database holds
-- already must be the same bytes; what waited for a place gets the one it was given.
create function public.audit_import(first bigint, entries bytea[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare fresh bytea[];
begin
  perform from public.audit_state s where s.id = 1 and s.next_index = first for update;
  if not found then
    raise exception 'the next index is not %', first using errcode = '55000';
  end if;
  select array_agg(e.bytes order by e.n) into fresh from unnest(entries) with ordinality as e(bytes, n)
    where not exists (select from public.audit_entry k where k.leaf = sha256('\x00'::bytea || e.bytes));
  if fresh is not null then
    perform public.audit_store(null, fresh);
  end if;
  insert into public.audit_index (index, entry_id)
    select first + e.n - 1, k.id from unnest(entries) with ordinality as e(bytes, n)
    join public.audit_entry k on k.leaf = sha256('\x00'::bytea || e.bytes);
  delete from public.audit_pending p using unnest(entries) as e(bytes)
    join public.audit_entry k on k.leaf = sha256('\x00'::bytea || e.bytes) where p.entry_id = k.id;
  update public.audit_state set next_index = first + cardinality(entries) where id = 1;
end $$;

-- Whether a recovery was asked for that nobody has finished: nothing else is written meanwhile.
create function public.recovery_open() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from public.recovery r where r.state = 'requested')
$$;

create function public.effect_leaves(kinds text[], ids uuid[], revs integer[])
returns table (n integer, leaf bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select q.n::integer, e.leaf
  from unnest(kinds, ids, revs) with ordinality as q(kind, id, rev, n)
  join public.audit_effect e on e.kind = q.kind and e.id = q.id and e.rev = q.rev
$$;

-- Who did what to a trade (over all offices) or to single objects: the history that apart.csv is read against.
-- The two legs of an internal deal have one history: whoever had a hand in one had it in both.
create function public.with_mirrors(trades uuid[]) returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select trades
    || array(select t.mirrors_id from public.trade t where t.id = any(trades) and t.mirrors_id is not null)
    || array(select t.id from public.trade t where t.mirrors_id = any(trades))
$$;

-- An act counts for who did it, for whom they stood in, and for the owner of the service that did it. Whoever took
-- over a trader's positions had a hand in every deal that was the trader's before the block ended (D-11).
create function public.history_of(trades uuid[], kinds text[], ids uuid[])
returns table (trade_id uuid, kind text, id uuid, act text, person text, at timestamptz, entry_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  with whole as materialized (select public.with_mirrors(history_of.trades) as ids)
  select e.trade_id, e.kind, e.id, e.act, w.person, e.at, e.entry_id
  from (
    select f.* from public.audit_effect f, whole where f.trade_id = any(whole.ids)
    union
    select f.* from unnest(history_of.kinds, history_of.ids) as q(kind, id)
    join public.audit_effect f on f.kind = q.kind and f.id = q.id
  ) as e
  cross join lateral (values (e.person), (e.deputy_for), (e.owner)) as w(person)
  where w.person is not null
  union
  select c.trade_id, e.kind, e.id, e.act, b.substitute_id::text, e.at, e.entry_id
  from whole
  join public.audit_effect c on c.trade_id = any(whole.ids) and c.kind = 'trade' and c.rev = 1
  join public.absence b on b.person_id::text in (c.person, c.deputy_for) and b.state in ('accepted', 'interrupted')
   and exists (select from public.trade_version v
               where v.trade_id = c.trade_id and v.trade_date <= coalesce(b.interrupted_on, b.last_day))
  join public.audit_effect e on e.kind = 'absence' and e.id = b.id and e.act = 'absence.accept'
$$;

create function public.acts_of(trades uuid[], kinds text[], ids uuid[])
returns table (trade_id uuid, kind text, id uuid, act text, person text, at timestamptz, entry_id uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Acts of different offices on one trade happen one after the other: a person with accounts in two of
  -- them cannot pass both looks at the history at the same instant.
  perform pg_advisory_xact_lock(hashtextextended(t.trade::text, 7213))
    from (select distinct w.trade from unnest(public.with_mirrors(trades)) as w(trade)) as t order by t.trade;
  return query select h.* from public.history_of(trades, kinds, ids) h;
end $$;

-- Trading learns nothing of what others look into, nor of whether they do (MAR-01).
create function public.trade_timeline(trade uuid)
returns table (entry_id uuid, at timestamptz, act text, outcome text, office text, person text, account text,
               index bigint, leaf bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.id, e.recorded_at, e.act, e.outcome, e.office, e.person, a.name, i.index, e.leaf
  from public.audit_entry e
  left join public.account a on a.id::text = e.account
  left join public.audit_index i on i.entry_id = e.id
  where e.trade_id = trade and e.outcome = 'allow'
    and (public.current_office() is distinct from 'front_office'
         or e.office not in ('compliance', 'internal_audit')
            and e.act not like 'case.%' and e.act not in ('alert.review', 'escalation.answer', 'escalation.lead', 'work.take', 'work.leave',
                              'handover.offer', 'handover.accept', 'handover.return'))
  order by e.recorded_at, e.id
$$;

-- How far a deal is booked: states, never amounts, for whoever reads deals and not the journal.
create function public.journal_states(trades uuid[])
returns table (id uuid, trade_id uuid, version integer, rule text, reverses_id uuid, is_reversed boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select j.id, j.trade_id, j.version, j.rule, j.reverses_id,
         exists (select from public.journal r where r.reverses_id = j.id)
  from public.journal j where j.trade_id = any(trades) order by j.id
$$;

-- Beginning an act: session, account, policy version, idempotency key, desk time -------------------

-- Whether an account may act now: under this policy, in this session, for itself or as somebody's deputy.
create function public.may_begin(
  own text, policy text, session uuid, account uuid, opening boolean, closing boolean, deputy_for uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  if not exists (select from public.policy_epoch e where e.version = policy) then
    return 'stale_policy';
  end if;
  if not exists (
    select from public.account a where a.id = account and a.office = own and not a.disabled
      and (a.service or opening or session is not null)
  ) then
    return 'ended';
  end if;
  if session is not null then
    perform from public.session s
      where s.id = may_begin.session and s.account_id = account and s.ended_at is null
        and s.expires_at > clock_timestamp()
      for share;
    if not found then
      return 'ended';
    end if;
  end if;
  if not closing and exists (
    select from public.account a cross join lateral public.away(a.person_id) w where a.id = account
  ) then
    return 'absent';
  end if;
  if deputy_for is not null then  -- what ends it waits for this act, or this act for it
    perform from public.delegation d join public.delegated(account) h on h.delegation_id = d.id
      where h.person_id = deputy_for for share of d;
    if not found then
      return 'no_deputy';
    end if;
  end if;
  return 'ok';
end $$;

create function public.attempt_begin(policy text, requests jsonb)
returns table (n integer, verdict text, status integer, answer text, business_date date, desk_clock time,
               people_epoch bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  own text := public.own_office();
  r record;
  known record;
  asked text;  -- whom may_begin was asked about last, and what it said: many acts of a set are one session's
  said text;
begin
  select d.business_date, d.desk_clock into business_date, desk_clock from public.desk_time d;
  people_epoch := public.people_epoch();
  perform pg_advisory_xact_lock_shared(7214);  -- the policy changes between two acts, never under one
  for r in
    select (q->>'n')::integer as n, (q->>'session')::uuid as session, (q->>'account')::uuid as account,
           q->>'key' as key, q->>'hash' as hash, coalesce((q->>'opening')::boolean, false) as opening,
           (q->>'deputy_for')::uuid as deputy_for, coalesce((q->>'closing')::boolean, false) as closing
    from jsonb_array_elements(requests) as q order by q->>'account', q->>'key'
  loop
    n := r.n; status := null; answer := null;
    if asked is distinct from concat_ws(' ', r.account, r.opening, r.closing, r.session, 'for', r.deputy_for) then
      asked := concat_ws(' ', r.account, r.opening, r.closing, r.session, 'for', r.deputy_for);
      said := public.may_begin(own, policy, r.session, r.account, r.opening, r.closing, r.deputy_for);
    end if;
    verdict := said;
    if verdict = 'ok' and r.key is not null then
      insert into public.idempotency_key (office, account_id, key, body_hash)
        values (own, r.account, r.key, r.hash) on conflict do nothing;
      if not found then
        select k.body_hash, k.status, k.answer into known from public.idempotency_key k
          where k.office = own and k.account_id = r.account and k.key = r.key for update;
        if known.status is null then  -- nothing came of it, so another body may take its place
          update public.idempotency_key k set body_hash = r.hash
            where k.office = own and k.account_id = r.account and k.key = r.key and k.body_hash <> r.hash;
        elsif known.body_hash is distinct from r.hash then
          verdict := 'reused';
        else
          verdict := 'replay'; status := known.status; answer := known.answer;
        end if;
      end if;
    end if;
    return next;
  end loop;
end $$;

-- Store the answers of this transaction's acts; a key already answered keeps its answer.
create function public.key_store(answers jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare own text := public.own_office();
begin
  insert into public.idempotency_key (office, account_id, key, body_hash, status, answer)
    select own, (q->>'account')::uuid, q->>'key', q->>'hash', (q->>'status')::integer, q->>'answer'
    from jsonb_array_elements(answers) as q
  on conflict (office, account_id, key) do update
    set status = excluded.status, answer = excluded.answer
    where idempotency_key.status is null and idempotency_key.body_hash = excluded.body_hash;
end $$;

-- Work items --------------------------------------------------------------------------------------

create function public.work_open(items jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare own text := public.own_office(); bad record;
begin
  select q->>'kind' as kind, q->>'office' as office into bad
    from jsonb_array_elements(items) as q
    where not exists (
      select from public.item_route r
      where r.kind = q->>'kind' and r.opened_by = own and r.office = q->>'office')
       or not exists (select from public.audit_entry e
                      where e.id = (q->>'entry')::uuid and e.office = own and e.xmin = pg_current_xact_id()::xid)
       -- what trading asks of others climbs in good time if nobody answers: trading puts nothing off
       or own = 'front_office' and (q->>'due')::timestamptz > clock_timestamp() + interval '14 days'
    limit 1;
  if found then
    raise exception 'office % cannot open % for %', own, bad.kind, bad.office using errcode = '42501';
  end if;
  insert into public.work_item
    (id, office, home, kind, subject_kind, subject_id, trade_id, version, reason, due_at, opened_at, opened_by, entry_id)
  select (q->>'id')::uuid, q->>'office', q->>'office', q->>'kind', q->>'subject_kind', (q->>'subject')::uuid,
         (q->>'trade')::uuid, (q->>'version')::integer, q->>'reason', (q->>'due')::timestamptz,
         clock_timestamp(), own, (q->>'entry')::uuid
  from jsonb_array_elements(items) as q;
end $$;

create function public.work_close(items jsonb) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare own text := public.own_office(); held record; closed integer;
begin
  -- An item stays at home where it was opened for, even while another office looks at it. Whoever took it does it.
  select w.kind, w.holder_id into held
    from jsonb_array_elements(items) as q join public.work_item w
      on w.kind = q->>'kind' and w.subject_id = (q->>'subject')::uuid and w.closed_entry_id is null
    where w.holder_id::text <> q->>'by' and w.held_until > clock_timestamp()
    limit 1;
  if found then
    raise exception '% is held by %', held.kind, held.holder_id using errcode = 'TW003';
  end if;
  update public.work_item w
    set closed_entry_id = (q->>'entry')::uuid, closed_at = clock_timestamp()
    from jsonb_array_elements(items) as q
    where w.closed_entry_id is null
      and case w.kind when 'escalated_head' then public.is_of_head(w.subject_id, (q->>'entry')::uuid)
               else w.home = own end
      and w.kind = q->>'kind' and w.subject_id = (q->>'subject')::uuid
      and exists (select from public.audit_entry e
                  where e.id = (q->>'entry')::uuid and e.office = own and e.xmin = pg_current_xact_id()::xid);
  get diagnostics closed = row_count;
  return closed;
end $$;

-- Deal numbers: gapless per book, and none without its trade (deferred keys on deal_number) ----------

create function public.take_deal_numbers(deals jsonb) returns table (trade_id uuid, number bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare d record; taken bigint;
begin
  if public.own_office() <> 'front_office' then
    raise exception 'only the front office takes deal numbers' using errcode = '42501';
  end if;
  for d in
    select (q->>'book')::uuid as book, array_agg((q->>'trade')::uuid order by o.n) as trades,
           array_agg((q->>'entry')::uuid order by o.n) as entries, count(*) as count
    from jsonb_array_elements(deals) with ordinality as o(q, n) group by 1 order by 1
  loop
    insert into public.deal_counter (book_id, last_number) values (d.book, d.count)
      on conflict (book_id) do update set last_number = deal_counter.last_number + excluded.last_number
      returning last_number - d.count into taken;
    insert into public.deal_number (book_id, number, trade_id, entry_id)
      select d.book, taken + t.n, t.trade, t.entry from unnest(d.trades, d.entries) with ordinality as t(trade, entry, n);
    return query select t.trade, taken + t.n from unnest(d.trades) with ordinality as t(trade, n);
  end loop;
end $$;

-- What an act leaves besides its rows, in the one order that there is: its entries, what they finish, take in hand and
-- hand on, and the answers kept under their callers' keys. The rights are those of whoever calls.
create function public.act_recorded(entries bytea[], closed jsonb, handled jsonb, opened jsonb, answers jsonb)
returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform public.audit_append(entries);
  if closed is not null then
    perform public.work_close(closed);
  end if;
  if handled is not null then
    perform public.work_handle(handled);
  end if;
  if opened is not null then
    perform public.work_open(opened);
  end if;
  if answers is not null then
    perform public.key_store(answers);
  end if;
end $$;

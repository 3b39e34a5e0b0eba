-- Every deal beside the independent reference of its trade date: looked up here, never handed in; told to whom it
-- concerns with the deal itself.

-- What there is to say of a version of a deal beside the market: the reference of its trade date, or the last one
-- before it within a week, and the tolerance in force.
create function public.market_look(v public.trade_version,
  out state text, out why text, out inverted boolean, out dealt numeric, out reference numeric, out reference_day date,
  out source text, out deviation_bp numeric, out tolerance_bp numeric)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare f record; b record; turned numeric;
begin
  dealt := coalesce(v.spot_rate, v.rate, v.rate_percent); inverted := false;
  select x.tolerance_bp into tolerance_bp from public.benchmark x
    where x.benchmark = 'tolerance' and x.product = v.type and x.state = 'in_force' order by x.id desc limit 1;
  if v.rate_percent is null then
    select x.day, x.source, x.rates into f from public.fixing_set x
      where x.day <= v.trade_date and x.day > v.trade_date - 8 order by x.day desc limit 1;
    if found then
      reference := (case v.quote when 'EUR' then 1 else (f.rates->>v.quote)::numeric end)
                 / (case v.base when 'EUR' then 1 else (f.rates->>v.base)::numeric end);
    end if;
    if reference is not null then
      reference_day := f.day; source := f.source;
      deviation_bp := round((dealt - reference) / reference * 10000, 1);
      turned := (1 / dealt - reference) / reference * 10000;
    end if;
  else
    select x.day, x.source, x.rate_percent into b from public.benchmark x
      where x.benchmark = 'reference_rate' and x.currency = v.currency and x.state = 'in_force'
        and x.day <= v.trade_date and x.day > v.trade_date - 8 order by x.day desc, x.id desc limit 1;
    if found then
      reference := b.rate_percent; reference_day := b.day; source := b.source;
      deviation_bp := round((dealt - reference) * 100, 1);
    end if;
  end if;
  if reference is null then
    state := 'no_reference'; why := 'unknown';
  elsif tolerance_bp is null then
    state := 'alert'; why := 'no_tolerance';
  elsif abs(deviation_bp) > tolerance_bp then
    state := 'alert'; inverted := coalesce(abs(turned) <= greatest(tolerance_bp, 500), false);
    why := case when inverted then 'inverted' else 'outside' end;
  elsif v.type = 'fx_forward' then
    state := 'no_reference'; why := 'points';
  else
    state := 'ok'; why := 'within';
  end if;
  reference := round(reference, 8);
end $$;

-- Hold versions of deals just written against the market: {n, trade, version, entry}. Trading checks its new versions
-- once, in the act that writes them, and without the figures of a reference that is not everybody's yet. Its checks
-- wait for a reference on its way into force: none is left behind on an older one.
create function public.market_check(deals jsonb)
returns table (n integer, id uuid, state text, why text, inverted boolean, deviation_bp numeric, reference numeric,
               reference_day date, tolerance_bp numeric, checked_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_variable
declare d record; v public.trade_version; l record;
begin
  if public.own_office() <> 'front_office' then
    raise exception 'office % checks no prices', public.own_office() using errcode = '42501';
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('public.market_check', 7214));
  for d in
    select (q->>'n')::integer as n, (q->>'trade')::uuid as trade, (q->>'version')::integer as version,
           (q->>'entry')::uuid as entry
    from jsonb_array_elements(deals) q order by (q->>'n')::integer
  loop
    select * into strict v from public.trade_version t where t.trade_id = d.trade and t.version = d.version;
    if v.entry_id is distinct from d.entry then
      raise exception 'the price of deal % is checked when it is entered', d.trade using errcode = '42501';
    end if;
    l := public.market_look(v);
    n := d.n; state := l.state; why := l.why; inverted := l.inverted; deviation_bp := l.deviation_bp;
    reference := l.reference; reference_day := l.reference_day; tolerance_bp := l.tolerance_bp;
    id := public.id_within(d.entry, 'check ' || d.trade); checked_at := clock_timestamp();
    insert into public.market_check
      (id, trade_id, version, seq, state, why, dealt, reference, reference_day, source, deviation_bp, tolerance_bp,
       inverted, checked_at, entry_id)
      select id, d.trade, d.version, 1, state, why, l.dealt, reference, reference_day, l.source, deviation_bp,
             tolerance_bp, inverted, checked_at, d.entry
      where not exists (select from public.market_check m where m.trade_id = d.trade and m.version = d.version);
    if not found then
      raise exception 'the price of deal % was checked when it was entered', d.trade using errcode = '42501';
    end if;
    if not public.is_published(reference_day) then
      reference := null; deviation_bp := null;
    end if;
    return next;
  end loop;
end $$;

-- Put the first check of a version back as its entry told it, in a recovery. Figures of a reference that was not
-- everybody's when it was told are worked out again: what was in force then is in force again at this entry.
create function public.market_retold(deal uuid, at_version integer, entry uuid, told jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare v public.trade_version; l record; t public.market_check;
begin
  select * into strict v from public.trade_version x where x.trade_id = deal and x.version = at_version;
  l := public.market_look(v);
  t := jsonb_populate_record(null::public.market_check, told);
  insert into public.market_check
    (id, trade_id, version, seq, state, why, dealt, reference, reference_day, source, deviation_bp, tolerance_bp,
     inverted, checked_at, entry_id)
    values (public.id_within(entry, 'check ' || deal), deal, at_version, 1, t.state, t.why, l.dealt,
            case when t.reference_day is not null then coalesce(t.reference, l.reference) end, t.reference_day,
            case when t.reference_day is not null then l.source end,
            case when t.reference_day is not null then coalesce(t.deviation_bp, l.deviation_bp) end, t.tolerance_bp,
            t.inverted, t.checked_at, entry);
end $$;

-- The justification that covers a check: its own, or that of an earlier check of the same version that found the same
-- and no less by more than the tolerance.
create function public.justification_for(wanted uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select j.id from public.market_check c
  join public.market_check m on m.trade_id = c.trade_id and m.version = c.version and m.seq <= c.seq
    and m.state = c.state and (c.state = 'no_reference' or m.why = c.why)
    and (m.id = c.id or c.state = 'no_reference'
         or sign(m.deviation_bp) = sign(c.deviation_bp) and abs(c.deviation_bp) <= abs(m.deviation_bp) + c.tolerance_bp)
  join public.justification j on j.check_id = m.id
  where c.id = wanted order by m.seq desc limit 1
$$;

-- Hold every deal in force that was checked against an older reference than a day's, or none, against what is in force
-- now: exchanges of currencies, or money-market deals in one currency. A reference serves its day and the week after.
-- A recovery does it again at the same entry, and finds the same.
create function public.market_look_again(since date, only_currency text, entry uuid, at timestamptz) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into public.market_check
    (id, trade_id, version, seq, state, why, dealt, reference, reference_day, source, deviation_bp, tolerance_bp,
     inverted, checked_at, entry_id)
  select public.id_within(entry, 'check ' || v.trade_id), v.trade_id, v.version, c.seq + 1, l.state, l.why,
         l.dealt, l.reference, l.reference_day, l.source, l.deviation_bp, l.tolerance_bp, l.inverted, at, entry
  from public.trade_version v
  join public.trade t on t.id = v.trade_id and t.version = v.version
  cross join lateral (
    select m.seq, m.reference_day from public.market_check m
    where m.trade_id = v.trade_id and m.version = v.version order by m.seq desc limit 1) c
  left join public.trade_control x on x.id = t.id
  cross join lateral public.market_look(v) l
  where v.trade_date between since and since + 7
    and case when only_currency is null then v.rate_percent is null else v.currency = only_currency end
    and coalesce(c.reference_day <= since, true) and x.state is distinct from 'cancelled'
$$;

-- What an entry's checks found, in one word; it stands in the entry of whoever checked again.
create function public.checks_digest(entry uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp set datestyle = 'ISO' as $$
  select 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(
           concat_ws(' ', m.trade_id, m.version, m.seq, m.state, m.why, m.dealt, coalesce(m.reference::text, '-'),
                     coalesce(m.reference_day::text, '-'), coalesce(m.deviation_bp::text, '-'),
                     coalesce(m.tolerance_bp::text, '-'), m.inverted, m.source), E'\n'
           order by m.trade_id), ''), 'UTF8')), 'hex')
  from public.market_check m where m.entry_id = entry
$$;

create function public.market_recheck(since date, only_currency text, entry uuid)
returns table (trade_id uuid, version integer, before text, state text, why text, covered boolean, waits boolean,
               checked_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  if public.own_office() <> 'risk_control' then
    raise exception 'only risk control checks prices again' using errcode = '42501';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('public.market_check', 7214));
  perform public.market_look_again(since, only_currency, entry, clock_timestamp());
  return query
    select m.trade_id, m.version, p.state, m.state, m.why, public.justification_for(m.id) is not null,
           exists (select from public.work_item w
                   where w.subject_id = m.trade_id and w.kind = 'justify' and w.closed_entry_id is null), m.checked_at
    from public.market_check m
    join public.market_check p on p.trade_id = m.trade_id and p.version = m.version and p.seq = m.seq - 1
    where m.entry_id = entry
    order by m.trade_id;
end $$;

-- What a deal's entry found beside the market reaches risk control, and an alert the board, with the deal or not at all.
create function public.guard_alert_told() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  if new.seq = 1 and (
       new.state <> 'ok' and not exists (
         select from public.work_item w
         where w.subject_id = new.trade_id and w.kind = 'justify' and w.entry_id = new.entry_id)
    or new.state = 'alert' and not exists (
         select from public.work_item w
         where w.subject_id = new.trade_id and w.kind = 'take_notice' and w.entry_id = new.entry_id))
  then
    raise exception 'nobody was told that deal % is %', new.trade_id, new.state using errcode = '23514';
  end if;
  return null;
end $$;

-- What a capture takes of credit's and risk control's limits, as owner-defined functions. The front office names the
-- deal; rates and limits are looked up here, never handed in.

-- Desk time: the entity's business date and clock, or the system's in Berlin.
create function public.desk_now(out business_date date, out clock time)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select d.business_date, d.desk_clock into business_date, clock from public.desk_time d;
  business_date := coalesce(business_date, (clock_timestamp() at time zone 'Europe/Berlin')::date);
  clock := coalesce(clock, (clock_timestamp() at time zone 'Europe/Berlin')::time);
end $$;

-- The front office sees a reference from 16:00 of its day on, when everybody does; other offices at once.
create function public.is_published(day date) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare now record := public.desk_now();
begin
  return day is null or day < now.business_date or (day = now.business_date and now.clock >= time '16:00')
    or public.current_office() is distinct from 'front_office';
end $$;

-- The worth in EUR at a fixing, to the cent; null where the fixing does not know the currency.
create function public.worth_eur(amount numeric, currency text, rates jsonb) returns numeric
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return case when amount = 0 then 0 when currency = 'EUR' then round(amount, 2)
              else round(amount / (rates->>currency)::numeric, 2) end;
end $$;

-- What a version of a deal makes of itself: exposure to the counterparty, nominal in the book.
create function public.exposure_of(v public.trade_version,
  out currency text, out amount numeric, out nominal numeric)
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if v.type in ('fx_spot', 'fx_forward') then
    currency := case v.side when 'buy' then v.base else v.quote end;
    amount := case v.side when 'buy' then v.base_amount else v.quote_amount end;
    nominal := amount;
  else
    currency := v.currency;
    nominal := v.principal + case v.type when 'mm_deposit' then v.interest else 0 end;
    amount := case v.type when 'mm_deposit' then nominal else 0 end;
  end if;
end $$;

-- The limit in force of an owner on a day: of those set, valid then, the one set last.
create function public.limit_in_force(wanted_scope text, wanted_owner uuid, day date) returns public.trading_limit
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select l from public.trading_limit l
  where l.scope = wanted_scope and l.owner_id = wanted_owner and l.state = 'in_force'
    and day between l.valid_from and l.valid_to
  order by l.decided_at desc, l.id desc limit 1
$$;

create function public.limit_room(wanted_scope text, wanted_owner uuid)
returns table (limit_id uuid, amount_eur numeric, used_eur numeric, valid_to date)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare l public.trading_limit; u numeric;
begin
  l := public.limit_in_force(wanted_scope, wanted_owner, (public.desk_now()).business_date);
  select x.used_eur into u from public.limit_use x where x.scope = wanted_scope and x.owner_id = wanted_owner;
  return query select l.id, l.amount_eur, coalesce(u, 0), l.valid_to;
end $$;

-- Whether the room that a deal needs is held for it, and whether its limits bear what is held: asked by the back office
-- after the capture, whatever was checked before it (SET-15). Nobody is told twice of a limit that is a case already.
create function public.limit_held(deal uuid)
returns table (scope text, limit_id uuid, limit_eur numeric, used_eur numeric, held boolean, told boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.scope, l.id, l.amount_eur, coalesce(u.used_eur, 0),
         exists (select from public.limit_reservation r
                 where r.trade_id = t.id and r.version = t.version and r.scope = o.scope and r.owner_id = o.owner
                   and r.eur_amount >= 0),
         exists (select from public.work_item w
                 where w.kind = 'excess' and w.subject_id = l.id and w.closed_entry_id is null)
  from public.trade t
  join public.trade_version v on v.trade_id = t.id and v.version = t.version
  join public.counterparty c on c.id = v.counterparty_id
  cross join lateral (values ('counterparty', c.id), ('portfolio', t.portfolio_id)) as o(scope, owner)
  left join public.limit_use u on u.scope = o.scope and u.owner_id = o.owner
  cross join lateral public.limit_in_force(o.scope, o.owner, (public.desk_now()).business_date) l
  where t.id = deal and not (c.own and o.scope = 'counterparty') order by o.scope
$$;

-- The id of a row that an entry brings and does not name: the same whenever it is worked out, so that a recovery
-- finds the row that was.
create function public.id_within(entry uuid, what text) returns uuid
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp as $$
declare b bytea := substr(sha256(convert_to(entry::text || ' ' || what, 'UTF8')), 1, 16);
begin
  return encode(set_byte(set_byte(b, 6, get_byte(b, 6) & 15 | 128), 8, get_byte(b, 8) & 63 | 128), 'hex')::uuid;
end $$;

create function public.reservation_id(entry uuid, deal uuid, scope text, owner_id uuid, why text, currency text)
returns uuid
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return public.id_within(entry, concat_ws(' ', deal, scope, owner_id, why, currency));
end $$;

-- A reservation as its entry tells it: what the entry itself does not say elsewhere.
create function public.reservation_told(r public.limit_reservation) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'amount', r.amount::text, 'currency', r.currency, 'eur_amount', r.eur_amount::text, 'fixing_day', r.fixing_day,
    'limit_id', r.limit_id, 'owner_id', r.owner_id, 'scope', r.scope, 'version', r.version, 'why', r.why));
end $$;

-- Give back what a deal holds of its limits, and tell the rows of it; the caller has locked their use.
create function public.limit_give_back(deal uuid, at_version integer, entry uuid, reason text) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare h record; given public.limit_reservation; told jsonb := '[]';
begin
  for h in
    select r.scope, r.owner_id, r.currency, sum(r.amount) as amount, sum(r.eur_amount) as eur
    from public.limit_reservation r where r.trade_id = deal
    group by r.scope, r.owner_id, r.currency having sum(r.eur_amount) <> 0 or sum(r.amount) <> 0
    order by r.scope, r.owner_id
  loop
    insert into public.limit_reservation
      (id, trade_id, version, scope, owner_id, limit_id, why, currency, amount, eur_amount, fixing_day, entry_id)
      values (public.reservation_id(entry, deal, h.scope, h.owner_id, reason, h.currency), deal, at_version, h.scope,
              h.owner_id, null, reason, h.currency, -h.amount, -h.eur, null, entry)
      returning * into given;
    told := told || public.reservation_told(given);
    update public.limit_use u set used_eur = u.used_eur - h.eur where u.scope = h.scope and u.owner_id = h.owner_id;
  end loop;
  return told;
end $$;

-- Take room for deals, each on its own: {n, trade, version, entry, counterparty, portfolio, currency, amount,
-- nominal, max_eur}, the last where its trader's mandate ends there. An earlier version's room is given back in the
-- same stroke. A refused deal leaves nothing here. A version that takes no more than the one before it is no excess,
-- however full the limit is: what is wrong in the books can always be put right, and made smaller.
-- The rows of limit_use are the queue: whoever wants the same limit waits for its holder's commit.
create function public.limit_reserve(deals jsonb)
returns table (n integer, verdict text, scope text, limit_id uuid, limit_eur numeric, used_eur numeric,
               asked_eur numeric, currency text, told jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  d record; now record; rates jsonb; fixed date; scopes constant text[] := array['counterparty', 'portfolio'];
  place integer; held numeric[]; taken numeric[]; back numeric; same numeric; before numeric;
  owed numeric[]; owed_scopes text[]; owed_owners uuid[];
  given public.limit_reservation; strokes public.limit_reservation[];
begin
  if public.own_office() <> 'front_office' then
    raise exception 'only the front office takes room of a limit for its deals' using errcode = '42501';
  end if;
  if exists (select from jsonb_array_elements(deals) q
             where ((q->>'amount')::numeric >= 0 and (q->>'nominal')::numeric >= 0) is not true) then
    raise exception 'a deal takes room of a limit and gives none' using errcode = '23514';
  end if;
  now := public.desk_now();
  select f.rates, f.day into rates, fixed from public.fixing_set f
    where f.day <= now.business_date  -- the last one before the capture; in a bank that has none yet, the day's own
    order by f.day < now.business_date or now.clock >= time '16:00' desc, f.day desc limit 1;
  insert into public.limit_use (scope, owner_id, used_eur)
    select distinct o.scope, o.owner, 0 from jsonb_array_elements(deals) q
    cross join lateral (values ('counterparty', (q->>'counterparty')::uuid),
                               ('portfolio', (q->>'portfolio')::uuid)) as o(scope, owner)
    order by 1, 2
  on conflict do nothing;
  perform from public.limit_use u
    where (u.scope, u.owner_id) in (
      select o.scope, o.owner from jsonb_array_elements(deals) q
      cross join lateral (values ('counterparty', (q->>'counterparty')::uuid),
                                 ('portfolio', (q->>'portfolio')::uuid)) as o(scope, owner)
      union
      select r.scope, r.owner_id from jsonb_array_elements(deals) q
      join public.limit_reservation r on r.trade_id = (q->>'trade')::uuid where (q->>'version')::integer > 1)
    order by u.scope, u.owner_id for update;
  <<deals>>
  for d in
    with q as materialized (
      select (x->>'n')::integer as n, (x->>'trade')::uuid as trade, (x->>'version')::integer as version,
             (x->>'entry')::uuid as entry, (x->>'counterparty')::uuid as counterparty,
             (x->>'portfolio')::uuid as portfolio, x->>'currency' as currency, (x->>'amount')::numeric as amount,
             (x->>'nominal')::numeric as nominal, (x->>'max_eur')::numeric as max_eur
      from jsonb_array_elements(deals) x
    ), o as materialized (  -- what holds for an owner is looked up once, however many deals want its limit
      select w.scope, w.owner, row_number() over (order by w.scope, w.owner)::integer as place, u.used_eur,
             l.id as limit_id, l.amount_eur
      from (select 'counterparty' as scope, q.counterparty as owner from q union select 'portfolio', q.portfolio from q) w
      join public.limit_use u on u.scope = w.scope and u.owner_id = w.owner
      cross join lateral public.limit_in_force(w.scope, w.owner, now.business_date) l
    )
    select q.*, c.own as own_party, array[q.counterparty, q.portfolio] as owners, array[p.place, b.place] as places,
           array[p.used_eur, b.used_eur] as used, array[p.limit_id, b.limit_id] as limits,
           array[p.amount_eur, b.amount_eur] as limits_eur, array[v.amount, q.nominal] as amounts,
           array[public.worth_eur(v.amount, q.currency, rates), public.worth_eur(q.nominal, q.currency, rates)] as worth
    from q left join public.counterparty c on c.id = q.counterparty
    cross join lateral (select case when c.own then 0 else q.amount end as amount) v
    join o p on p.scope = 'counterparty' and p.owner = q.counterparty
    join o b on b.scope = 'portfolio' and b.owner = q.portfolio
    order by q.n
  loop
    n := d.n; currency := d.currency; told := '[]';
    for s in 1..2 loop
      scope := scopes[s]; limit_id := null; limit_eur := null; used_eur := null; asked_eur := d.worth[s];
      if asked_eur is null then
        verdict := 'no_rate'; return next; continue deals;
      end if;
      if s = 2 and asked_eur > d.max_eur then
        verdict := 'mandate'; limit_eur := d.max_eur; return next; continue deals;
      end if;
      continue when s = 1 and d.own_party;
      if d.limits[s] is null then
        verdict := 'no_limit'; return next; continue deals;
      end if;
      held[d.places[s]] := coalesce(held[d.places[s]], d.used[s]);
      back := 0; same := 0;
      if d.version > 1 then
        select coalesce(sum(r.eur_amount), 0), coalesce(sum(r.amount) filter (where r.currency = d.currency), 0)
          into back, same from public.limit_reservation r
          where r.trade_id = d.trade and r.scope = scopes[s] and r.owner_id = d.owners[s];
      end if;
      limit_id := d.limits[s]; limit_eur := d.limits_eur[s]; used_eur := held[d.places[s]] - back;
      taken[s] := back;
      if asked_eur > back and d.amounts[s] > same and used_eur + asked_eur > limit_eur then
        verdict := 'excess'; return next; continue deals;
      end if;
      if s = 1 then
        before := used_eur;
      end if;
    end loop;
    if d.version > 1 then
      told := public.limit_give_back(d.trade, d.version, d.entry, 'replaced');
    end if;
    for s in 1..2 loop
      given := row(public.reservation_id(d.entry, d.trade, scopes[s], d.owners[s], 'reserved', d.currency), d.trade,
                   d.version, scopes[s], d.owners[s], d.limits[s],
                   case when s = 1 and d.own_party then 'exempt' else 'reserved' end,
                   d.currency, d.amounts[s], d.worth[s], fixed, d.entry)::public.limit_reservation;
      strokes := strokes || given;
      told := told || public.reservation_told(given);
      place := d.places[s];  -- what an earlier version gave back is in limit_use already
      held[place] := coalesce(held[place], d.used[s]) - coalesce(taken[s], 0) + d.worth[s];
      owed_scopes[place] := scopes[s]; owed_owners[place] := d.owners[s];
      owed[place] := coalesce(owed[place], 0) + d.worth[s];
    end loop;
    verdict := 'ok'; scope := 'counterparty'; limit_id := null; limit_eur := null; used_eur := 0; asked_eur := 0;
    if not d.own_party then
      limit_id := d.limits[1]; limit_eur := d.limits_eur[1]; used_eur := before; asked_eur := d.worth[1];
    end if;
    return next;
  end loop;
  insert into public.limit_reservation select x.* from unnest(strokes) x;
  update public.limit_use u set used_eur = u.used_eur + x.eur
    from unnest(owed_scopes, owed_owners, owed) as x(scope, owner, eur) where u.scope = x.scope and u.owner_id = x.owner;
end $$;

-- Give back the room of a deal that is over, and tell the rows of it: cancelled, or settled to its last leg. Anything
-- else stays.
create function public.limit_release(deal uuid, entry uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare c public.trade_control;
begin
  if public.own_office() <> 'back_office' then
    raise exception 'only the back office says that a deal is over' using errcode = '42501';
  end if;
  select * into c from public.trade_control t where t.id = deal;
  if not found then
    return '[]';
  end if;
  if c.state <> 'cancelled' and (
       not exists (select from public.settlement s where s.trade_id = deal and s.version = c.version)
       or exists (select from public.settlement s
                  where s.trade_id = deal and s.version = c.version and s.state <> 'settled')) then
    return '[]';
  end if;
  perform from public.limit_use u
    where (u.scope, u.owner_id) in (select r.scope, r.owner_id from public.limit_reservation r where r.trade_id = deal)
    order by u.scope, u.owner_id for update;
  return public.limit_give_back(deal, c.version, entry, 'released');
end $$;

-- Put reservations back as an entry told them, in a recovery.
create function public.limit_retold(deal uuid, entry uuid, told jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  with back as (
    insert into public.limit_reservation
      (id, trade_id, version, scope, owner_id, limit_id, why, currency, amount, eur_amount, fixing_day, entry_id)
    select public.reservation_id(entry, deal, r.scope, r.owner_id, replace(r.why, 'exempt', 'reserved'), r.currency),
           deal, r.version, r.scope, r.owner_id, r.limit_id, r.why, r.currency, r.amount, r.eur_amount, r.fixing_day, entry
    from jsonb_populate_recordset(null::public.limit_reservation, told) r
    returning scope, owner_id, eur_amount
  )
  insert into public.limit_use as u (scope, owner_id, used_eur)
    select b.scope, b.owner_id, sum(b.eur_amount) from back b group by b.scope, b.owner_id
  on conflict (scope, owner_id) do update set used_eur = u.used_eur + excluded.used_eur;
end $$;

-- Where what a deal holds of the limits is not what a version of it takes: too little, too much, of another owner,
-- in another currency, in more than one stroke; or no reservation came with that version at all.
create function public.limit_wrongly_held(deal uuid, at_version integer) returns table (scope text, owner_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return query
  with wanted as (
    select x.scope, x.owner_id, e.currency, x.amount
    from public.trade_version v
    join public.trade t on t.id = v.trade_id
    join public.counterparty c on c.id = v.counterparty_id
    cross join lateral public.exposure_of(v) e
    cross join lateral (values ('counterparty', v.counterparty_id, case when c.own then 0 else e.amount end),
                               ('portfolio', t.portfolio_id, e.nominal)) as x(scope, owner_id, amount)
    where v.trade_id = deal and v.version = at_version
  ), held as (
    select r.scope, r.owner_id, r.currency, sum(r.amount) as amount,
           count(*) filter (where r.version = at_version and r.why in ('reserved', 'exempt')) as strokes
    from public.limit_reservation r where r.trade_id = deal
    group by r.scope, r.owner_id, r.currency
  )
  select coalesce(w.scope, h.scope), coalesce(w.owner_id, h.owner_id)
  from wanted w full join held h on (h.scope, h.owner_id, h.currency) = (w.scope, w.owner_id, w.currency)
  where coalesce(h.amount, -1) <> coalesce(w.amount, 0) or coalesce(h.strokes, 0) <> (w.scope is not null)::integer;
end $$;

-- No version of a deal without its reservation and its check: what trading says its deal takes must be what it is.
create function public.guard_version_covered() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare e record := public.exposure_of(new); simple boolean;
begin
  -- A first version's two strokes, and no more: then nothing else needs to be worked out.
  select count(*) = 2 and count(*) filter (where r.scope = 'counterparty') = 1 and bool_and(
           r.version = new.version and r.why in ('reserved', 'exempt') and r.currency = e.currency
           and case r.scope
                 when 'counterparty' then r.owner_id = new.counterparty_id and r.amount = case
                   when (select c.own from public.counterparty c where c.id = new.counterparty_id) then 0
                   else e.amount end
                 else r.amount = e.nominal
                      and r.owner_id = (select t.portfolio_id from public.trade t where t.id = new.trade_id)
               end)
    into simple from public.limit_reservation r where r.trade_id = new.trade_id;
  if simple is not true and exists (select from public.limit_wrongly_held(new.trade_id, new.version)) then
    raise exception 'version % of deal % has not taken its room of the limits', new.version, new.trade_id
      using errcode = '23514';
  end if;
  if not exists (select from public.market_check m where m.trade_id = new.trade_id and m.version = new.version) then
    raise exception 'version % of deal % was not held against the market', new.version, new.trade_id
      using errcode = '23514';
  end if;
  return null;
end $$;

-- Room changes hands only with the version of the deal that needs it; what is given back at the end is looked at
-- where it is given back.
create function public.guard_reserved_for_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  if new.why <> 'released' and not exists (
    select from public.trade_version v
    where v.trade_id = new.trade_id and v.version = new.version and v.entry_id = new.entry_id)
  then
    raise exception 'room of a limit was taken for version % of deal %, which did not come', new.version, new.trade_id
      using errcode = '23514';
  end if;
  return null;
end $$;

-- A limit begins as a proposal, and a book's is proposed by nobody but risk control (RC-06).
create function public.guard_limit_proposed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.state <> 'proposed' or new.decided_at is not null then
    raise exception 'a limit is proposed before anybody sets it' using errcode = '42501';
  end if;
  if new.scope = 'portfolio' and coalesce(public.current_office(), 'risk_control') <> 'risk_control' then
    raise exception 'the limit of a book is proposed by risk control' using errcode = '42501';
  end if;
  return new;
end $$;

-- A vote is that of a person of the office that sets such limits: credit for counterparties, risk control for books.
create function public.guard_limit_vote() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (
    select from public.trading_limit l join public.account a on a.id = new.account_id
    where l.id = new.limit_id and l.state = 'proposed' and a.person_id = new.person_id and not a.service
      and a.office = case l.scope when 'counterparty' then 'credit' else 'risk_control' end
      and a.office = coalesce(public.current_office(), a.office))
  then
    raise exception 'this office does not vote on limit %', new.limit_id using errcode = '42501';
  end if;
  return new;
end $$;

-- A limit is set by two people's votes for it and none against it, once (RC-02): neither sooner nor again.
create function public.guard_limit_voted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare agreed bigint; opposed bigint;
begin
  select count(*) filter (where v.vote = 'approve'), count(*) filter (where v.vote <> 'approve')
    into agreed, opposed from public.limit_vote v where v.limit_id = new.id;
  if old.state <> 'proposed' or new.state is distinct from
     (case when opposed > 0 then 'refused' when agreed >= 2 then 'in_force' else 'proposed' end)
  then
    raise exception 'the votes on limit % do not make it %', new.id, new.state using errcode = '42501';
  end if;
  return null;
end $$;

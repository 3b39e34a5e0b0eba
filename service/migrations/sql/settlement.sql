-- What the back office's own login cannot do to a payment, whatever it sends: let it go out of turn or by one pair of hands.

create function public.person_behind(account_id uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.person_id from public.account a where a.id = account_id
$$;

create function public.guard_settlement_hands() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return new;  -- a recovery tells rows again as they stood
  end if;
  if tg_op = 'INSERT' then
    if new.state is distinct from 'projected' or new.paid is distinct from 0
       or new.pay_on is distinct from new.value_date then
      raise exception 'settlement %: a leg begins projected, unpaid, on its day', new.id using errcode = '42501';
    end if;
    return new;
  end if;
  if new.state is distinct from old.state and not (old.state, new.state) in (
    ('projected', 'prepared'), ('projected', 'held'), ('projected', 'withdrawn'),
    ('prepared', 'signed'), ('prepared', 'released'), ('prepared', 'held'), ('prepared', 'withdrawn'),
    ('signed', 'prepared'), ('signed', 'released'), ('signed', 'held'), ('signed', 'withdrawn'),
    ('held', 'projected'), ('held', 'withdrawn'),
    ('prepared', 'netted'), ('signed', 'netted'), ('netted', 'prepared'), ('netted', 'held'), ('netted', 'withdrawn'),
    ('netted', 'settled'), ('netted', 'failed'), ('netted', 'returned'),
    ('released', 'held'), ('released', 'partial'), ('released', 'settled'), ('released', 'failed'), ('released', 'returned'),
    ('partial', 'settled'), ('partial', 'failed'), ('partial', 'returned'),
    ('settled', 'returned'),
    ('failed', 'prepared'), ('failed', 'held'), ('returned', 'prepared'), ('returned', 'held')
  ) then
    raise exception 'settlement %: % does not follow %', new.id, new.state, old.state using errcode = '42501';
  end if;
  if new.state in ('released', 'netted') and old.state not in ('released', 'netted') and (
       new.prepared_by is null or new.released_by is null
       or public.person_behind(new.released_by) is not distinct from public.person_behind(new.prepared_by)
       or public.person_behind(new.released_by) is not distinct from public.person_behind(new.signed_by)
       or public.person_behind(new.signed_by) is not distinct from public.person_behind(new.prepared_by)) then
    raise exception 'settlement %: its signatures are not of different people', new.id using errcode = '42501';
  end if;
  if new.state in ('released', 'netted') and old.state not in ('released', 'netted')
     and (new.instruction_id, new.deviation) is distinct from (old.instruction_id, old.deviation) then
    raise exception 'settlement %: it is let go along the route that was signed', new.id using errcode = '42501';
  end if;
  if new.instruction_id is distinct from old.instruction_id and new.instruction_id is not null and not exists (
    select from public.instruction i
    join public.trade_version v on v.trade_id = new.trade_id and v.version = new.version
    where i.id = new.instruction_id and i.counterparty_id = v.counterparty_id and i.currency = new.currency
  ) then
    raise exception 'settlement %: the route is not its counterparty''s in %', new.id, new.currency using errcode = '42501';
  end if;
  if new.pay_on < old.pay_on then
    raise exception 'settlement %: its day is only ever put off', new.id using errcode = '42501';
  end if;
  if old.state = 'netted' and new.state in ('settled', 'failed', 'returned') and not exists (
    select from public.net n where n.id = old.net_id and n.state not in ('composed', 'broken')
  ) then
    raise exception 'settlement %: its net was not let go', new.id using errcode = '42501';
  end if;
  return new;
end $$;

-- A payment message says what its leg says, goes one step at a time, and leaves only for a leg that is let go.
create function public.guard_payment() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare leg_state text;
begin
  if public.current_office() is null then
    return new;
  end if;
  if tg_op = 'INSERT' then
    if new.state not in ('blocked', 'queued') or new.tries <> 0 or new.proof is not null or new.schema is not null then
      raise exception 'payment %: a message begins here, unsent', new.id using errcode = '42501';
    end if;
    return new;
  end if;
  if new.state is distinct from old.state and not (old.state, new.state) in (
    ('blocked', 'queued'), ('blocked', 'dropped'), ('queued', 'under_way'), ('queued', 'dropped'),
    ('under_way', 'delivered'), ('under_way', 'queued'), ('under_way', 'blocked'), ('under_way', 'failed'),
    ('failed', 'queued'), ('failed', 'dropped')
  ) then
    raise exception 'payment %: % does not follow %', new.id, new.state, old.state using errcode = '42501';
  end if;
  if (new.document_id, new.sha256, new.bank, new.account) is distinct from
     (old.document_id, old.sha256, old.bank, old.account) and old.state <> 'blocked' then
    raise exception 'payment %: what is to be sent is not changed', new.id using errcode = '42501';
  end if;
  if new.state in ('queued', 'under_way') then
    select s.state into leg_state from public.settlement s where s.id = new.settlement_id
      union all select n.state from public.net n where n.id = new.net_id;
    if leg_state is distinct from 'released' then
      raise exception 'payment %: its leg is not released', new.id using errcode = '42501';
    end if;
  end if;
  if new.state = 'delivered' and new.proof ->> 'sha256' is distinct from new.sha256 then
    raise exception 'payment %: its proof is of other bytes', new.id using errcode = '42501';
  end if;
  return new;
end $$;

-- At commit: one message of a leg that was let go, over what is missing, its bytes filed as such.
create function public.guard_payment_ordered() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return null;
  end if;
  if tg_op = 'INSERT' and not exists (
    select from public.settlement s
    where s.id = new.settlement_id and s.state = 'released' and s.amount < 0 and s.trade_id = new.trade_id
      and s.currency = new.currency and s.pay_on = new.settle_on and new.amount = abs(s.amount) - s.paid
    union all
    select from public.net n
    where n.id = new.net_id and n.state = 'released' and n.currency = new.currency and n.pay_on = new.settle_on
      and new.amount = -n.amount
      and exists (select from public.settlement s where s.net_id = n.id and s.trade_id = new.trade_id)
  ) then
    raise exception 'payment %: it says what its leg does not', new.id using errcode = '23503';
  end if;
  if tg_op = 'INSERT' and exists (
    select from public.payment p
    where p.settlement_id = new.settlement_id and p.id <> new.id and p.state not in ('delivered', 'dropped')
  ) then
    raise exception 'payment %: another message of its leg waits', new.id using errcode = '23505';
  end if;
  if new.document_id is not null and not exists (
    select from public.document d
    where d.id = new.document_id and d.sha256 = new.sha256 and d.document_kind = 'payment_out'
      and d.subject_id = new.id and d.trade_id = new.trade_id
  ) then
    raise exception 'payment %: its bytes are not filed', new.id using errcode = '23503';
  end if;
  return null;
end $$;

-- What a bank told is taken in as it came and judged once; what people took in themselves moves nothing.
create function public.guard_payment_status() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return new;
  end if;
  if tg_op = 'INSERT' then
    if new.state not in ('received', 'waiting') or new.effect is not null or new.settlement_id is not null
       or (new.state = 'received') is distinct from (new.finding is null)
       or (new.source <> 'inbox' and new.state <> 'waiting') then
      raise exception 'payment status %: it begins here, unjudged', new.id using errcode = '42501';
    end if;
    return new;
  end if;
  if new.state is distinct from old.state and not (old.state, new.state) in (
    ('received', 'applied'), ('received', 'noted'), ('received', 'waiting'), ('waiting', 'closed')
  ) then
    raise exception 'payment status %: % does not follow %', new.id, new.state, old.state using errcode = '42501';
  end if;
  if (new.payment_id, new.settlement_id, new.trade_id, new.effect) is distinct from
     (old.payment_id, old.settlement_id, old.trade_id, old.effect) and old.state <> 'received' then
    raise exception 'payment status %: it was judged before', new.id using errcode = '42501';
  end if;
  return new;
end $$;

-- A net goes one step at a time and is let go once.
create function public.guard_net() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return new;
  end if;
  if tg_op = 'INSERT' then
    if new.state <> 'composed' or new.legs <> 1 then
      raise exception 'net %: it begins with one leg', new.id using errcode = '42501';
    end if;
    return new;
  end if;
  if new.state is distinct from old.state and not (old.state, new.state) in (
    ('composed', 'released'), ('composed', 'broken'), ('released', 'settled'), ('released', 'failed'),
    ('released', 'returned'), ('settled', 'returned')
  ) then
    raise exception 'net %: % does not follow %', new.id, new.state, old.state using errcode = '42501';
  end if;
  if (new.amount, new.legs) is distinct from (old.amount, old.legs)
     and (old.state, new.state) is distinct from ('composed', 'composed') then
    raise exception 'net %: its sum does not change any more', new.id using errcode = '42501';
  end if;
  return new;
end $$;

-- At commit: the sum of a net is that of its legs, all of one currency, day and route, each let go by its own hands.
create function public.must_be_whole(net_id uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare n public.net; told record;
begin
  select * into n from public.net x where x.id = must_be_whole.net_id;
  if not found or n.state not in ('composed', 'released') then
    return;
  end if;
  select count(*) as legs, coalesce(sum(s.amount), 0) as amount,
         count(*) filter (where s.state in ('netted', 'settled', 'failed', 'returned')) as gone,
         bool_and(s.currency = n.currency and s.pay_on = n.pay_on and s.paid in (0, abs(s.amount))
                  and s.instruction_id is not distinct from n.instruction_id) as alike
    into told from public.settlement s where s.net_id = n.id;
  if told.legs <> n.legs or told.amount <> n.amount or told.alike is not true
     or (n.state = 'released' and told.gone <> n.legs) then
    raise exception 'net %: its sum or its legs are not those that name it', n.id using errcode = '23514';
  end if;
end $$;

create function public.guard_net_whole() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return null;
  end if;
  perform public.must_be_whole(new.id);
  return null;
end $$;

create function public.guard_leg_of_net() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if public.current_office() is null then
    return null;
  end if;
  perform public.must_be_whole(old.net_id);
  perform public.must_be_whole(new.net_id);
  if new.net_id is not null and new.net_id is distinct from old.net_id and exists (
    select from public.net n where n.id = new.net_id and n.state <> 'composed'
  ) then
    raise exception 'settlement %: its net takes no leg any more', new.id using errcode = '42501';
  end if;
  return null;
end $$;

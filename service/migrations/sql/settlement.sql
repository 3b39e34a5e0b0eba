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
    ('released', 'held'), ('released', 'partial'), ('released', 'settled'), ('released', 'failed'), ('released', 'returned'),
    ('partial', 'settled'), ('partial', 'failed'), ('partial', 'returned'),
    ('settled', 'returned'),
    ('failed', 'prepared'), ('failed', 'held'), ('returned', 'prepared'), ('returned', 'held')
  ) then
    raise exception 'settlement %: % does not follow %', new.id, new.state, old.state using errcode = '42501';
  end if;
  if new.state = 'released' and old.state <> 'released' and (
       new.prepared_by is null or new.released_by is null
       or public.person_behind(new.released_by) is not distinct from public.person_behind(new.prepared_by)
       or public.person_behind(new.released_by) is not distinct from public.person_behind(new.signed_by)
       or public.person_behind(new.signed_by) is not distinct from public.person_behind(new.prepared_by)) then
    raise exception 'settlement %: its signatures are not of different people', new.id using errcode = '42501';
  end if;
  if new.pay_on < old.pay_on then
    raise exception 'settlement %: its day is only ever put off', new.id using errcode = '42501';
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
    select s.state into leg_state from public.settlement s where s.id = new.settlement_id;
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

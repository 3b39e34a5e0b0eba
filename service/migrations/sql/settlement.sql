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
    ('released', 'partial'), ('released', 'settled'), ('released', 'failed'), ('released', 'returned'),
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

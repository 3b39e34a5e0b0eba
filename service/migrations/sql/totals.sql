-- Sums over everything, for pages and answers. They are kept up to a place of the log and folded on from there by the
-- log's own login; what came since is added whenever somebody asks. So no act waits for another to count up a row, and
-- what is told is always the sum of what is there.

insert into public.total_mark (id, upto) values (1, 0);

-- The deals that entries wrote something of.
create function public.deals_of_entries(entries uuid[]) returns table (entry_id uuid, trade_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.id, e.trade_id from public.audit_entry e where e.id = any (entries) and e.trade_id is not null
  union
  select f.entry_id, f.trade_id from public.audit_effect f where f.entry_id = any (entries) and f.trade_id is not null
$$;

create function public.positions_of_entries(entries uuid[])
returns table (portfolio_id uuid, currency text, amount numeric)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select m.portfolio_id, m.currency, sum(m.amount)
  from public.deals_of_entries(entries) d
  join public.position_movement m on m.trade_id = d.trade_id and m.entry_id = d.entry_id
  group by m.portfolio_id, m.currency
$$;

create function public.balances_of_entries(entries uuid[])
returns table (booked_on date, account text, currency text, debit numeric, credit numeric, eur_amount numeric)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select j.booked_on, l.account, l.currency, coalesce(sum(l.amount) filter (where l.amount > 0), 0),
         coalesce(-sum(l.amount) filter (where l.amount < 0), 0), sum(l.eur_amount)
  from public.audit_effect f
  join public.journal j on j.id = f.id
  join public.journal_line l on l.journal_id = j.id and l.entry_id = f.entry_id
  where f.kind = 'journal' and f.entry_id = any (entries)
  group by j.booked_on, l.account, l.currency
$$;

-- What deals hold by the day their last payment is due: what is given back falls due with the version that took it.
create function public.exposures_of_entries(entries uuid[])
returns table (owner_id uuid, due date, eur_amount numeric)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select r.owner_id, coalesce(v.end_date, v.value_date), sum(r.eur_amount)
  from public.deals_of_entries(entries) d
  join public.limit_reservation r on r.trade_id = d.trade_id and r.entry_id = d.entry_id
  join public.trade_version v on v.trade_id = r.trade_id and v.version = case
    when r.why in ('reserved', 'exempt') then r.version
    else (select max(b.version) from public.limit_reservation b
          where b.trade_id = r.trade_id and b.scope = r.scope and b.owner_id = r.owner_id
            and b.why in ('reserved', 'exempt') and (r.why = 'released' or b.version < r.version)) end
  where r.scope = 'counterparty' and r.eur_amount <> 0
  group by 1, 2
$$;

-- The entries that no total has in it yet.
create function public.entries_unfolded() returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(x.entry_id), '{}') from (
    select i.entry_id from public.audit_index i where i.index >= (select m.upto from public.total_mark m where m.id = 1)
    union all
    select p.entry_id from public.audit_pending p) x
$$;

-- Take the next entries of the log into the totals; return how many. One at a time: whoever finds the mark taken, goes.
create function public.totals_fold(most integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare first bigint; beyond bigint; entries uuid[];
begin
  select m.upto into first from public.total_mark m where m.id = 1 for update skip locked;
  if not found then
    return 0;
  end if;
  select array_agg(x.entry_id), max(x.index) + 1 into entries, beyond
    from (select i.index, i.entry_id from public.audit_index i where i.index >= first order by i.index limit most) x;
  if entries is null then
    return 0;
  end if;
  insert into public.position_total as t (portfolio_id, currency, amount)
    select p.portfolio_id, p.currency, p.amount from public.positions_of_entries(entries) p
  on conflict (portfolio_id, currency) do update set amount = t.amount + excluded.amount;
  insert into public.balance_total as t (booked_on, account, currency, debit, credit, eur_amount)
    select b.booked_on, b.account, b.currency, b.debit, b.credit, b.eur_amount from public.balances_of_entries(entries) b
  on conflict (booked_on, account, currency) do update set debit = t.debit + excluded.debit,
    credit = t.credit + excluded.credit, eur_amount = t.eur_amount + excluded.eur_amount;
  insert into public.exposure_total as t (owner_id, due, eur_amount)
    select x.owner_id, x.due, x.eur_amount from public.exposures_of_entries(entries) x
  on conflict (owner_id, due) do update set eur_amount = t.eur_amount + excluded.eur_amount;
  delete from public.exposure_total t where t.eur_amount = 0;
  update public.total_mark set upto = beyond where id = 1;
  return cardinality(entries);
end $$;

-- Whoever may read each row may read their sum.
create function public.must_read(of_table text, of_column text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not has_column_privilege(session_user, of_table, of_column, 'select') then
    raise exception 'login % reads no %', session_user, of_table using errcode = '42501';
  end if;
end $$;

create function public.positions_now() returns table (portfolio_id uuid, currency text, amount numeric)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform public.must_read('public.position_movement', 'amount');
  return query
  select x.portfolio_id, x.currency, sum(x.amount) from (
    select t.portfolio_id, t.currency, t.amount from public.position_total t
    union all select p.portfolio_id, p.currency, p.amount from public.positions_of_entries(public.entries_unfolded()) p
  ) x group by 1, 2;
end $$;

-- What is booked up to and on a day, or at all.
create function public.balances_now(as_of date)
returns table (account text, currency text, debit numeric, credit numeric, eur_amount numeric)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform public.must_read('public.journal_line', 'amount');
  return query
  select x.account, x.currency, sum(x.debit), sum(x.credit), sum(x.eur_amount) from (
    select t.booked_on, t.account, t.currency, t.debit, t.credit, t.eur_amount from public.balance_total t
    union all
    select b.booked_on, b.account, b.currency, b.debit, b.credit, b.eur_amount
      from public.balances_of_entries(public.entries_unfolded()) b
  ) x where as_of is null or x.booked_on <= as_of group by 1, 2;
end $$;

create function public.exposures_now() returns table (owner_id uuid, due date, eur_amount numeric)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform public.must_read('public.limit_reservation', 'eur_amount');
  return query
  select x.owner_id, x.due, sum(x.eur_amount) from (
    select t.owner_id, t.due, t.eur_amount from public.exposure_total t
    union all select p.owner_id, p.due, p.eur_amount from public.exposures_of_entries(public.entries_unfolded()) p
  ) x group by 1, 2 having sum(x.eur_amount) <> 0;
end $$;

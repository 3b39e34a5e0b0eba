-- Files of deals --------------------------------------------------------------------------------------

-- What was answered when deals of a file were entered before: by this account of the own office, under these keys and
-- with these very bodies. Whoever does not know the body learns nothing.
create function public.entered_under(account uuid, keys text[], hashes text[])
returns table (key text, answer text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select k.key, k.answer
  from unnest(keys, hashes) as asked (key, hash)
  join public.idempotency_key k
    on k.office = public.own_office() and k.account_id = entered_under.account
   and k.key = asked.key and k.body_hash = asked.hash
  where k.status = 201
$$;

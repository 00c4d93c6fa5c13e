-- name: remember
-- Remembers answers under their idempotency keys; those not returned had been used before.
-- $1 accounts, $2 keys, $3 request digests, $4 status, $5 answers
INSERT INTO idempotency (account_id, key, request_sha256, status, body)
SELECT a.account_id, a.key, a.digest, $4::smallint, a.body
FROM unnest($1::int[], $2::text[], $3::bytea[], $5::bytea[]) AS a (account_id, key, digest, body)
ON CONFLICT ON CONSTRAINT idempotency_pkey DO NOTHING
RETURNING account_id, key;

-- name: lock
-- Until the transaction ends, requests with the same key wait for each other: the later one finds
-- the answer of the earlier one, and never the half-done world before it.
-- $1 key, $2 account
SELECT pg_advisory_xact_lock(hashtextextended($1::text, $2::bigint));

-- name: find
-- $1 accounts, $2 keys
SELECT i.account_id, i.key, i.request_sha256, i.status, i.body
FROM unnest($1::int[], $2::text[]) AS w (account_id, key) JOIN idempotency AS i USING (account_id, key);

-- name: prune
-- $1 hours to keep
DELETE FROM idempotency WHERE created_at < now() - $1::float8 * interval '1 hour';

-- name: forget
-- $1 account, $2 key
DELETE FROM idempotency WHERE account_id = $1::int AND key = $2::text;

-- name: create
-- No row comes back when the expiry does not lie in the future.
-- $1 account, $2 name, $3 pool, $4 SHA-256, $5 expiry or null for a day from now, $6 the latest
-- that it may be or null, $7 expiry of the host's own token or null
INSERT INTO enrollment (account_id, name, pool, sha256, expires_at, host_expires_at)
SELECT $1::int, $2::text, $3::text, $4::bytea,
    least(coalesce($5::timestamptz, now() + interval '24 hours'), $6::timestamptz),
    $7::timestamptz
WHERE $5::timestamptz IS NULL OR $5::timestamptz > now()
RETURNING expires_at;

-- name: use
-- Spends an enrolment token and makes the host with its credit and its own token. The UPDATE
-- decides: of many hosts that come with one token, one finds it unused.
-- $1 SHA-256 of the enrolment token, $2 pool or null for the token's, $3 name, $4 facts,
-- $5 GFLOPS of a slot, $6 SHA-256 of the host's token
WITH used AS (
    UPDATE enrollment SET used_at = now()
    FROM account
    WHERE enrollment.sha256 = $1::bytea AND used_at IS NULL AND expires_at > now()
      AND account.id = enrollment.account_id AND account.state = 'active'
    RETURNING enrollment.account_id, enrollment.pool, enrollment.host_expires_at
), new AS (
    INSERT INTO host (account_id, name, pool, facts, gflops, last_seen_at)
    SELECT account_id, $3::text, coalesce($2::text, pool), $4::json, $5::float8, now() FROM used
    RETURNING id
), credit AS (
    INSERT INTO host_credit (host_id) SELECT id FROM new
), secret AS (
    INSERT INTO token (host_id, name, sha256, expires_at)
    SELECT new.id, 'enrolled', $6::bytea, used.host_expires_at FROM new, used
)
SELECT id FROM new;

-- name: look
-- Whose token it is, for which pool, and why it would be refused.
-- $1 SHA-256 of the enrolment token
SELECT used_at IS NOT NULL AS used, expires_at <= now() AS expired, account_id, pool
FROM enrollment WHERE sha256 = $1::bytea;

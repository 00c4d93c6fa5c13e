-- name: create
-- No row comes back when the expiry does not lie in the future.
-- $1 account, $2 name, $3 SHA-256, $4 expiry or null, $5 scopes, $6 who makes it
INSERT INTO token (account_id, name, sha256, expires_at, scopes, created_by)
SELECT $1::int, $2::text, $3::bytea, $4::timestamptz, $5::token_scope[], $6::int
WHERE $4::timestamptz IS NULL OR $4::timestamptz > now()
RETURNING id;

-- name: page
-- $1 account, $2 below id, $3 rows
SELECT id, name, scopes, created_by, created_at, expires_at, revoked_at FROM token
WHERE account_id = $1::int AND id < $2::bigint
ORDER BY id DESC LIMIT $3::int;

-- name: find
-- $1 account, $2 token
SELECT id, name, scopes, created_by, created_at, expires_at, revoked_at FROM token
WHERE account_id = $1::int AND id = $2::bigint;

-- name: works
-- Whether a token can be used now; it is held still until the transaction ends.
-- $1 token
SELECT revoked_at IS NULL AND coalesce(expires_at > now(), true) FROM token WHERE id = $1::int
FOR UPDATE;

-- name: expiry
-- $1 token
SELECT expires_at FROM token WHERE id = $1::int;

-- name: revoke
-- No row comes back when the account has no such token.
-- $1 account, $2 token
UPDATE token SET revoked_at = coalesce(revoked_at, now())
WHERE account_id = $1::int AND id = $2::bigint
RETURNING id;

-- name: retire
-- A token ends after an overlap, if not before.
-- $1 token, $2 seconds
UPDATE token SET
    revoked_at = CASE WHEN $2::float8 = 0 THEN now() END,
    expires_at = CASE WHEN $2::float8 = 0 THEN expires_at
        ELSE least(expires_at, now() + $2::float8 * interval '1 second') END
WHERE id = $1::int;

-- name: rotate_host
-- Another token for a host, which lasts as long as the one that it has; all that it had end after an
-- overlap, if not before.
-- $1 host, $2 SHA-256 of the new token, $3 seconds
WITH retired AS (
    UPDATE token SET
        revoked_at = CASE WHEN $3::float8 = 0 THEN now() END,
        expires_at = CASE WHEN $3::float8 = 0 THEN expires_at
            ELSE least(expires_at, now() + $3::float8 * interval '1 second') END
    WHERE host_id = $1::int AND revoked_at IS NULL
)
INSERT INTO token (host_id, name, sha256, expires_at)
SELECT $1::int, 'rotated', $2::bytea, (
    SELECT expires_at FROM token
    WHERE host_id = $1::int AND revoked_at IS NULL ORDER BY id DESC LIMIT 1);

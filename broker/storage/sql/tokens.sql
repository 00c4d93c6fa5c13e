-- name: create
-- No row comes back when the expiry does not lie in the future.
-- $1 account, $2 name, $3 SHA-256, $4 expiry or null
INSERT INTO token (account_id, name, sha256, expires_at)
SELECT $1::int, $2::text, $3::bytea, $4::timestamptz
WHERE $4::timestamptz IS NULL OR $4::timestamptz > now()
RETURNING id;

-- name: page
-- $1 account, $2 below id, $3 rows
SELECT id, name, created_at, expires_at, revoked_at FROM token
WHERE account_id = $1::int AND id < $2::bigint
ORDER BY id DESC LIMIT $3::int;

-- name: revoke
-- No row comes back when the account has no such token.
-- $1 account, $2 token
UPDATE token SET revoked_at = coalesce(revoked_at, now())
WHERE account_id = $1::int AND id = $2::bigint
RETURNING id;

-- name: create
-- The owner hears of it.
-- $1 batch, $2 account, $3 reason, $4 seconds
WITH told AS (
    INSERT INTO event (kind, batch_id, job_ids) VALUES ('opened', $1::bigint, '{}')
), made AS (
    INSERT INTO opening (batch_id, account_id, reason, expires_at)
    VALUES ($1::bigint, $2::int, $3::text, now() + $4::float8 * interval '1 second')
    RETURNING *
)
SELECT made.id AS number, made.batch_id AS batch, made.account_id AS account,
    account.name AS account_name, made.reason, made.opened_at, made.expires_at
FROM made JOIN account ON account.id = made.account_id;

-- name: page
-- Newest first.
-- $1 batch, $2 below number, $3 rows
SELECT opening.id AS number, opening.batch_id AS batch, opening.account_id AS account,
    account.name AS account_name, opening.reason, opening.opened_at, opening.expires_at
FROM opening JOIN account ON account.id = opening.account_id
WHERE opening.batch_id = $1::bigint AND opening.id < $2::bigint
ORDER BY opening.id DESC LIMIT $3::int;

-- name: stands
-- Whether an account may read a batch for now.
-- $1 batch, $2 account
SELECT EXISTS (
    SELECT FROM opening
    WHERE batch_id = $1::bigint AND account_id = $2::int AND expires_at > now());

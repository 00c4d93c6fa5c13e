-- name: create
-- An account with the rows that always go with it.
-- $1 name, $2 title, $3 email
WITH new AS (
    INSERT INTO account (name, title, email) VALUES ($1::text, $2::text, $3::text)
    ON CONFLICT ON CONSTRAINT account_name_key DO NOTHING
    RETURNING *
), rights AS (
    INSERT INTO user_submit (account_id) SELECT id FROM new
), usage AS (
    INSERT INTO account_usage (account_id) SELECT id FROM new
)
SELECT id, name, title, email, state, created_at FROM new;

-- name: find
-- $1 name or null, $2 id or null
SELECT id, name, title, email, state, created_at FROM account
WHERE name = $1::text OR id = $2::int;

-- name: page
-- $1 below id, $2 rows
SELECT id, name, title, email, state, created_at FROM account
WHERE id < $1::bigint ORDER BY id DESC LIMIT $2::int;

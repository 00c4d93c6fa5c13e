-- name: has_admin
SELECT EXISTS (
    SELECT FROM user_submit JOIN account ON account.id = user_submit.account_id
    WHERE admin_all_apps AND state = 'active');

-- name: make_admin
-- The id of an account with every global privilege; null when it exists without.
-- $1 name
WITH new AS (
    INSERT INTO account (name, title) VALUES ($1::text, 'Administrator')
    ON CONFLICT ON CONSTRAINT account_name_key DO NOTHING
    RETURNING id
), rights AS (
    INSERT INTO user_submit (account_id, submit_all_apps, admin_all_apps)
    SELECT id, true, true FROM new
), usage AS (
    INSERT INTO account_usage (account_id) SELECT id FROM new
)
SELECT id FROM new
UNION ALL
SELECT account.id FROM account JOIN user_submit ON user_submit.account_id = account.id
WHERE account.name = $1::text AND admin_all_apps AND state = 'active'
LIMIT 1;

-- name: token
-- $1 account, $2 name, $3 digest
INSERT INTO token (account_id, name, sha256, scopes)
VALUES ($1::int, $2::text, $3::bytea, '{all}');

-- name: enrollment
-- $1 name, $2 pool, $3 digest
INSERT INTO enrollment (account_id, name, pool, sha256, expires_at)
SELECT account_id, $1::text, $2::text, $3::bytea, now() + interval '1 hour'
FROM user_submit WHERE admin_all_apps ORDER BY account_id LIMIT 1;

-- name: of_account
-- $1 account
SELECT submit_all_apps, admin_all_apps FROM user_submit WHERE account_id = $1::int;

-- name: set
-- $1 account, $2 submit_all_apps, $3 admin_all_apps
UPDATE user_submit SET submit_all_apps = $2::bool, admin_all_apps = $3::bool
WHERE account_id = $1::int;

-- name: page_of_app
-- $1 app, $2 below account, $3 rows
SELECT grants.account_id AS account, account.name AS account_name, grants.app_id AS app,
    app.name AS app_name, grants.submit, grants.admin
FROM user_submit_app AS grants
JOIN account ON account.id = grants.account_id
JOIN app ON app.id = grants.app_id
WHERE grants.app_id = $1::int AND grants.account_id < $2::bigint
ORDER BY grants.account_id DESC LIMIT $3::int;

-- name: grant
-- $1 account, $2 app, $3 submit, $4 admin
INSERT INTO user_submit_app (account_id, app_id, submit, admin)
VALUES ($1::int, $2::int, $3::bool, $4::bool)
ON CONFLICT ON CONSTRAINT user_submit_app_pkey
DO UPDATE SET submit = excluded.submit, admin = excluded.admin;

-- name: revoke
-- $1 account, $2 app
DELETE FROM user_submit_app WHERE account_id = $1::int AND app_id = $2::int;

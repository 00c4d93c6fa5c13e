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
    app.handle AS app_name, grants.submit, grants.admin
FROM user_submit_app AS grants
JOIN account ON account.id = grants.account_id
JOIN named_node AS app ON app.id = grants.app_id
WHERE grants.app_id = $1::int AND grants.account_id < $2::bigint
ORDER BY grants.account_id DESC LIMIT $3::int;

-- name: set_on_app
-- $1 account, $2 app, $3 submit, $4 admin
WITH wanted (role, given) AS (
    VALUES ('submitter'::acl_role, $3::bool), ('app_admin'::acl_role, $4::bool)
), gone AS (
    DELETE FROM acl USING wanted
    WHERE acl.node_id = $2::int AND acl.principal_id = $1::int
      AND acl.role = wanted.role AND NOT wanted.given
)
INSERT INTO acl (node_id, principal_id, role)
SELECT $2::int, $1::int, role FROM wanted WHERE given
ON CONFLICT DO NOTHING;

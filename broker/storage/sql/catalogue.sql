-- name: app
-- $1 name or null, $2 id or null
SELECT id, name, state, isolation FROM app WHERE name = $1::text OR id = $2::bigint;

-- name: version
-- A version of an app: the newest published one when no number is given.
-- $1 app, $2 number or null
SELECT id, number, state, spec FROM app_version
WHERE app_id = $1::int
  AND (number = $2::bigint OR ($2::bigint IS NULL AND state = 'published'))
ORDER BY number DESC LIMIT 1;

-- name: spec
-- $1 version ids
SELECT id, spec FROM app_version WHERE id = ANY ($1::int[]);

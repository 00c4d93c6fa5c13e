-- name: app
-- $1 app
SELECT named_node.handle, app.state, app.isolation
FROM app JOIN named_node USING (id) WHERE app.id = $1::int;

-- name: version
-- A version of an app: the newest published one when no number is given.
-- $1 app, $2 number or null
SELECT id, number, state, spec FROM app_version
WHERE app_id = $1::int
  AND (number = $2::bigint OR ($2::bigint IS NULL AND state = 'published'))
ORDER BY number DESC LIMIT 1;

-- name: run_draft
-- In the transaction that stores jobs of a draft: it keeps its spec from now on. No row comes back
-- when it has another one by now.
-- $1 version, $2 spec
UPDATE app_version SET run_at = coalesce(run_at, now())
WHERE id = $1::int AND spec::text = $2::text
RETURNING id;

-- name: spec
-- $1 version ids
SELECT id, spec FROM app_version WHERE id = ANY ($1::int[]);

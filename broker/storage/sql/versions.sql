-- name: create
-- Behind the app's lock, or two versions would take the same number.
-- $1 app, $2 state, $3 spec, $4 creator, $5 image or null
INSERT INTO app_version (app_id, number, state, spec, image_id, created_by, published_at)
SELECT $1::int, coalesce(max(number), 0) + 1, $2::version_state, $3::json, $5::int, $4::int,
    CASE WHEN $2::version_state <> 'draft' THEN now() END
FROM app_version WHERE app_id = $1::int
RETURNING id, app_id AS app, number, state, spec, created_by, created_at, published_at,
    deprecated_at;

-- name: find
-- $1 app, $2 number
SELECT id, app_id AS app, number, state, spec, created_by, created_at, published_at, deprecated_at
FROM app_version WHERE app_id = $1::int AND number = $2::bigint;

-- name: page
-- $1 app, $2 below id, $3 rows, $4 drafts too
SELECT id, app_id AS app, number, state, spec, created_by, created_at, published_at, deprecated_at
FROM app_version
WHERE app_id = $1::int AND id < $2::bigint AND ($4::bool OR state <> 'draft')
ORDER BY id DESC LIMIT $3::int;

-- name: lock_unrun
-- Before a draft is changed: nobody runs it until the transaction ends.
-- $1 version
SELECT run_at IS NULL FROM app_version WHERE id = $1::int FOR UPDATE;

-- name: set_spec
-- $1 version, $2 spec, $3 image or null
UPDATE app_version SET spec = $2::json, image_id = $3::int WHERE id = $1::int;

-- name: set_state
-- $1 version, $2 state
UPDATE app_version SET state = $2::version_state,
    published_at = coalesce(published_at, now()),
    deprecated_at = CASE WHEN $2::version_state = 'deprecated' THEN now() END
WHERE id = $1::int
RETURNING id, app_id AS app, number, state, spec, created_by, created_at, published_at,
    deprecated_at;

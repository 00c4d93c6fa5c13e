-- name: create
-- An app of the whole deployment, which every account may see.
-- $1 name, $2 title, $3 description, $4 creator
WITH place AS (
    INSERT INTO node (kind, parent_id, name, created_by) VALUES ('app', 1, $1::text, $4::int)
    ON CONFLICT DO NOTHING
    RETURNING id
), shown AS (
    INSERT INTO acl (node_id, principal_id, role) SELECT id, -2, 'reader' FROM place
)
INSERT INTO app (id, name, title, description, created_by)
SELECT id, $1::text, $2::text, $3::text, $4::int FROM place
ON CONFLICT ON CONSTRAINT app_name_key DO NOTHING
RETURNING id, name, title, description, state, created_by, created_at, NULL::int AS latest_version;

-- name: find
-- $1 name or null, $2 id or null
SELECT app.*, (
    SELECT max(number) FROM app_version
    WHERE app_version.app_id = app.id AND app_version.state = 'published'
) AS latest_version
FROM app WHERE name = $1::text OR id = $2::bigint;

-- name: page
-- $1 below id, $2 rows, $3 apps that are visible, or null for all
SELECT app.*, (
    SELECT max(number) FROM app_version
    WHERE app_version.app_id = app.id AND app_version.state = 'published'
) AS latest_version
FROM app WHERE id < $1::bigint AND ($3::int[] IS NULL OR id = ANY ($3::int[]))
ORDER BY id DESC LIMIT $2::int;

-- name: lock
-- Changes of one app and its versions go one after the other.
-- $1 app
SELECT state FROM app WHERE id = $1::int FOR UPDATE;

-- name: deprecate
-- $1 app
UPDATE app SET state = 'deprecated' WHERE id = $1::int;

-- name: create_version
-- Behind `lock`, or two versions would take the same number.
-- $1 app, $2 state, $3 spec, $4 creator
INSERT INTO app_version (app_id, number, state, spec, created_by)
SELECT $1::int, coalesce(max(number), 0) + 1, $2::version_state, $3::json, $4::int
FROM app_version WHERE app_id = $1::int
RETURNING id, app_id AS app, number, state, spec, created_by, created_at;

-- name: version
-- $1 app, $2 number
SELECT id, app_id AS app, number, state, spec, created_by, created_at
FROM app_version WHERE app_id = $1::int AND number = $2::bigint;

-- name: page_of_versions
-- $1 app, $2 below id, $3 rows, $4 drafts too
SELECT id, app_id AS app, number, state, spec, created_by, created_at
FROM app_version
WHERE app_id = $1::int AND id < $2::bigint AND ($4::bool OR state <> 'draft')
ORDER BY id DESC LIMIT $3::int;

-- name: set_version_state
-- $1 version, $2 state
UPDATE app_version SET state = $2::version_state WHERE id = $1::int;

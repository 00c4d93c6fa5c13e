-- name: create
-- An app for a node that was made for it.
-- $1 node, $2 title, $3 description, $4 isolation
INSERT INTO app (id, title, description, isolation)
VALUES ($1::int, $2::text, $3::text, $4::isolation);

-- name: show_to_registered
-- An app of the whole deployment, which every account may see.
-- $1 app
INSERT INTO acl (node_id, principal_id, role) VALUES ($1::int, -2, 'reader');

-- name: find
-- $1 app
SELECT app.id, app.title, app.description, app.state, app.isolation, node.name, node.handle,
    node.created_by, node.created_at, (
        SELECT kind || '_' || id FROM node AS project WHERE project.id = node.project_id
    ) AS project, (
        SELECT max(number) FROM app_version
        WHERE app_version.app_id = app.id AND app_version.state = 'published'
    ) AS latest_version
FROM app JOIN named_node AS node USING (id)
WHERE app.id = $1::int;

-- name: page
-- $1 below id, $2 rows, $3 apps that are visible, or null for all, $4 project or null for any
SELECT app.id, app.title, app.description, app.state, app.isolation, node.name, node.handle,
    node.created_by, node.created_at, (
        SELECT kind || '_' || id FROM node AS project WHERE project.id = node.project_id
    ) AS project, (
        SELECT max(number) FROM app_version
        WHERE app_version.app_id = app.id AND app_version.state = 'published'
    ) AS latest_version
FROM app JOIN named_node AS node USING (id)
WHERE app.id < $1::bigint AND node.trash_id IS NULL
  AND ($3::int[] IS NULL OR app.id = ANY ($3::int[]))
  AND ($4::int IS NULL OR node.project_id = $4::int)
ORDER BY app.id DESC LIMIT $2::int;

-- name: lock
-- Changes of one app and its versions go one after the other.
-- $1 app
SELECT state FROM app WHERE id = $1::int FOR UPDATE;

-- name: change
-- $1 app, $2 title, $3 description, $4 isolation
UPDATE app SET title = $2::text, description = $3::text, isolation = $4::isolation
WHERE id = $1::int;

-- name: deprecate
-- $1 app
UPDATE app SET state = 'deprecated' WHERE id = $1::int;

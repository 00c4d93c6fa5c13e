-- name: put
-- $1 project, $2 data root or pool, $3 mode
INSERT INTO binding (project_id, node_id, mode) VALUES ($1::int, $2::int, $3::binding_mode)
ON CONFLICT ON CONSTRAINT binding_pkey DO UPDATE SET mode = excluded.mode
WHERE binding.mode <> excluded.mode;

-- name: remove
-- $1 project, $2 data root or pool
DELETE FROM binding WHERE project_id = $1::int AND node_id = $2::int;

-- name: switch_project
-- Whether anybody imports into a project.
-- $1 project, $2 whether
UPDATE project SET import_enabled = $2::bool WHERE id = $1::int;

-- name: switch_account
-- Whether an account imports.
-- $1 account, $2 whether
UPDATE account SET import_enabled = $2::bool WHERE id = $1::int;

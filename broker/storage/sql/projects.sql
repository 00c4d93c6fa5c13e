-- name: create
-- What is special to a project; its node is there.
-- $1 node, $2 title, $3 description
INSERT INTO project (id, title, description) VALUES ($1::int, $2::text, $3::text);

-- name: views
-- As `views` of nodes.sql, with what is special to projects and workspaces.
-- $1 nodes
SELECT node.id, node.kind, node.name, node.created_at, node.trashed_at,
    node.parent_id, 'deployment' AS parent_kind, node.project_id, node.kind AS project_kind,
    node.benefactor_id, node.kind AS benefactor_kind, NULL::bigint AS batch_id, node.created_by,
    account.name AS created_by_name, project.title, project.description
FROM node
JOIN project ON project.id = node.id
LEFT JOIN account ON account.id = node.created_by
WHERE node.id = ANY ($1::int[])
ORDER BY node.id DESC;

-- name: page
-- Projects and workspaces, newest first.
-- $1 below id, $2 rows, $3 those that are seen, or null for all, $4 only this kind or null
SELECT node.id
FROM project JOIN node ON node.id = project.id
WHERE project.id < $1::bigint AND ($3::int[] IS NULL OR project.id = ANY ($3::int[]))
  AND ($4::node_kind IS NULL OR node.kind = $4::node_kind)
  AND node.trash_id IS NULL
ORDER BY project.id DESC LIMIT $2::int;

-- name: change
-- $1 project, $2 title, $3 description
UPDATE project SET title = $2::text, description = $3::text WHERE id = $1::int;

-- name: create
-- A table for a node that was made for it.
-- $1 node, $2 description, $3 columns
INSERT INTO data_table (id, description, columns) VALUES ($1::int, $2::text, $3::json);

-- name: find
-- $1 table
SELECT t.id, t.description, t.columns, t.rows, node.name, node.handle,
    project.kind || '_' || project.id AS project, node.created_by, node.created_at
FROM data_table AS t
JOIN named_node AS node USING (id)
JOIN node AS project ON project.id = node.project_id
WHERE t.id = $1::int;

-- name: page
-- $1 below id, $2 rows, $3 tables that are visible, or null for all, $4 project or null for any
SELECT t.id, t.description, t.columns, t.rows, node.name, node.handle,
    project.kind || '_' || project.id AS project, node.created_by, node.created_at
FROM data_table AS t
JOIN named_node AS node USING (id)
JOIN node AS project ON project.id = node.project_id
WHERE t.id < $1::bigint AND node.trash_id IS NULL
  AND ($3::int[] IS NULL OR t.id = ANY ($3::int[]))
  AND ($4::int IS NULL OR node.project_id = $4::int)
ORDER BY t.id DESC LIMIT $2::int;

-- name: lock
-- Changes of one table and its rows go one after the other.
-- $1 table
SELECT columns, rows, last_number FROM data_table WHERE id = $1::int FOR UPDATE;

-- name: change
-- $1 table, $2 description, $3 columns
UPDATE data_table SET description = $2::text, columns = $3::json WHERE id = $1::int;

-- name: count
-- $1 table, $2 rows more, $3 numbers more
UPDATE data_table SET rows = rows + $2::int, last_number = last_number + $3::int
WHERE id = $1::int;

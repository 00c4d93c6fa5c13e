-- name: epoch
SELECT epoch FROM access_epoch;

-- name: changes
-- What changed after an epoch, as (kind, ids).
-- $1 epoch
SELECT kind, array_agg(DISTINCT named.id) AS ids
FROM access_change CROSS JOIN LATERAL unnest(access_change.ids) AS named (id)
WHERE epoch > $1::bigint
GROUP BY kind;

-- name: oldest
-- The oldest epoch whose changes are still told; null when none is.
SELECT min(epoch) FROM access_change;

-- name: nodes
-- Files are too many to be remembered: their rows say what governs them.
-- $1 nodes, or null for all
SELECT node.id, node.kind, node.parent_id, node.benefactor_id, node.project_id, node.created_by,
    node.trash_id IS NOT NULL AS trashed, node.name
FROM node
WHERE kind <> 'file' AND ($1::int[] IS NULL OR id = ANY ($1::int[]));

-- name: projects_without_import
-- $1 nodes, or null for all
SELECT id FROM project WHERE NOT import_enabled AND ($1::int[] IS NULL OR id = ANY ($1::int[]));

-- name: data_roots
-- $1 nodes, or null for all
SELECT id, uid, gid, public, import_enabled FROM data_root
WHERE $1::int[] IS NULL OR id = ANY ($1::int[]);

-- name: open_pools
-- $1 nodes, or null for all
SELECT id FROM pool WHERE open AND ($1::int[] IS NULL OR id = ANY ($1::int[]));

-- name: acls
-- $1 nodes, or null for all
SELECT node_id, principal_id, array_agg(role) AS roles FROM acl
WHERE $1::int[] IS NULL OR node_id = ANY ($1::int[])
GROUP BY node_id, principal_id;

-- name: accounts
-- $1 accounts, or null for all
SELECT account.id, account.name, account.state, account.import_enabled, workspace.id AS workspace_id,
    coalesce(user_submit.submit_all_apps, false) AS submit_all_apps,
    coalesce(user_submit.admin_all_apps, false) AS admin_all_apps
FROM account
JOIN node AS workspace ON workspace.created_by = account.id AND workspace.kind = 'workspace'
LEFT JOIN user_submit ON user_submit.account_id = account.id
WHERE $1::int[] IS NULL OR account.id = ANY ($1::int[]);

-- name: memberships
-- $1 accounts, or null for all
SELECT account_id, array_agg(team_id) AS teams FROM team_member
WHERE $1::int[] IS NULL OR account_id = ANY ($1::int[])
GROUP BY account_id;

-- name: bindings
-- $1 projects, or null for all
SELECT project_id, node_id, mode FROM binding
WHERE $1::int[] IS NULL OR project_id = ANY ($1::int[]);

-- name: prune
-- Whoever is further behind reads everything anew.
-- $1 hours to keep
DELETE FROM access_change WHERE at < now() - $1::float8 * interval '1 hour';

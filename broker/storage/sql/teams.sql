-- name: create
-- $1 name, $2 title, $3 creator
INSERT INTO team (name, title, created_by) VALUES ($1::text, $2::text, $3::int)
ON CONFLICT ON CONSTRAINT team_name_key DO NOTHING
RETURNING id;

-- name: find
-- $1 name or null, $2 id or null
SELECT id FROM team WHERE name = $1::text OR id = $2::bigint;

-- name: lock
-- Nobody changes the team, or gives it anything, until the transaction ends.
-- $1 team
SELECT FROM team JOIN principal USING (id) WHERE id = $1::int FOR UPDATE;

-- name: rows
-- Teams, newest first.
-- $1 teams, or null for a page, $2 below id, $3 rows
SELECT team.id, team.name, team.title, team.created_by, team.created_at,
    (SELECT count(*)::int FROM team_member WHERE team_id = team.id) AS accounts
FROM team
WHERE ($1::int[] IS NULL OR team.id = ANY ($1::int[])) AND team.id < $2::bigint
ORDER BY team.id DESC LIMIT $3::int;

-- name: set
-- No row comes back when another team has the name.
-- $1 team, $2 name, $3 title
UPDATE team SET name = $2::text, title = $3::text
WHERE id = $1::int AND NOT EXISTS (SELECT FROM team WHERE name = $2::text AND id <> $1::int)
RETURNING id;

-- name: remove
-- With its members and all that access lists give it.
-- $1 team
WITH entries AS (
    DELETE FROM acl WHERE principal_id = $1::int
), members AS (
    DELETE FROM team_member WHERE team_id = $1::int
), execution AS (
    DELETE FROM unix_account WHERE principal_id = $1::int
), itself AS (
    DELETE FROM team WHERE id = $1::int
)
DELETE FROM principal WHERE id = $1::int;

-- name: join
-- $1 team, $2 account
INSERT INTO team_member (team_id, account_id) VALUES ($1::int, $2::int) ON CONFLICT DO NOTHING;

-- name: leave
-- No row comes back when it was no member.
-- $1 team, $2 account
DELETE FROM team_member WHERE team_id = $1::int AND account_id = $2::int RETURNING account_id;

-- name: members
-- Newest account first.
-- $1 team, $2 below account, $3 rows
SELECT account.id AS account, account.name AS account_name, team.id AS team,
    team.name AS team_name
FROM team_member
JOIN account ON account.id = team_member.account_id
JOIN team ON team.id = team_member.team_id
WHERE team_member.team_id = $1::int AND team_member.account_id < $2::bigint
ORDER BY account.id DESC LIMIT $3::int;

-- name: lists
-- Every access list in which a team stands, whole: in a project, with the node's kind.
-- $1 team
SELECT acl.node_id, node.kind, acl.principal_id, array_agg(acl.role) AS roles
FROM acl JOIN node ON node.id = acl.node_id
WHERE node.project_id IS NOT NULL
  AND acl.node_id IN (SELECT node_id FROM acl WHERE principal_id = $1::int)
GROUP BY acl.node_id, node.kind, acl.principal_id
ORDER BY acl.node_id;

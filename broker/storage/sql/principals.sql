-- name: named
-- Whoever can be given something: accounts that were not deleted, and teams.
-- $1 names of accounts, $2 names of teams, $3 ids of accounts, $4 ids of teams
SELECT id, 'account' AS kind, name FROM account
WHERE (name = ANY ($1::text[]) OR id = ANY ($3::bigint[])) AND state <> 'deleted'
UNION ALL
SELECT id, 'team', name FROM team
WHERE name = ANY ($2::text[]) OR id = ANY ($4::bigint[]);

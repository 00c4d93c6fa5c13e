-- name: set
-- $1 account or team, $2 uid, $3 gid, $4 shared
INSERT INTO unix_account (principal_id, uid, gid, shared)
VALUES ($1::int, $2::int, $3::int, $4::bool)
ON CONFLICT (principal_id) DO UPDATE SET uid = $2::int, gid = $3::int, shared = $4::bool;

-- name: find
-- $1 accounts and teams
SELECT principal_id, uid, gid, shared FROM unix_account WHERE principal_id = ANY ($1::int[]);

-- name: every
SELECT principal_id, uid, gid FROM unix_account;

-- name: remove
-- No row comes back when nothing was set.
-- $1 account or team
DELETE FROM unix_account WHERE principal_id = $1::int RETURNING uid;

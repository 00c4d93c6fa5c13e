-- name: put
-- The content of a file: an upload of the account's own. No row comes back when it has none such.
-- $1 node, $2 account, $3 digest
INSERT INTO file (id, sha256, size_bytes)
SELECT $1::int, sha256, size_bytes FROM blob WHERE account_id = $2::int AND sha256 = $3::bytea
ON CONFLICT (id) DO UPDATE SET
    sha256 = excluded.sha256, size_bytes = excluded.size_bytes, root_id = NULL, path = NULL
RETURNING id;

-- name: note
-- $1 app, $2 account, $3 version number or null, $4 kind, $5 changes
INSERT INTO app_edit (app_id, account_id, version_number, kind, changes)
VALUES ($1::int, $2::int, $3::int, $4::app_edit_kind, $5::json);

-- name: page
-- Newest first.
-- $1 app, $2 below id, $3 rows
SELECT edit.id, edit.account_id AS account, account.name AS account_name,
    edit.version_number, edit.kind, edit.changes, edit.at
FROM app_edit AS edit JOIN account ON account.id = edit.account_id
WHERE edit.app_id = $1::int AND edit.id < $2::bigint
ORDER BY edit.id DESC LIMIT $3::int;

-- name: find
-- Accounts and teams by id or handle, in the order asked; id is null for what is not there.
-- $1 kinds, $2 ids or nulls, $3 handles or nulls
SELECT coalesce(account.id, team.id) AS id, account.state = 'deleted' AS deleted
FROM unnest($1::principal_kind[], $2::bigint[], $3::text[])
    WITH ORDINALITY AS wanted (kind, id, name, position)
LEFT JOIN account ON wanted.kind = 'account'
    AND (account.id = wanted.id OR account.name = wanted.name)
LEFT JOIN team ON wanted.kind = 'team' AND (team.id = wanted.id OR team.name = wanted.name)
ORDER BY wanted.position;

-- name: names
-- $1 principals
SELECT principal.id, principal.kind, coalesce(account.name, team.name, principal.kind::text)
FROM principal
LEFT JOIN account ON account.id = principal.id
LEFT JOIN team ON team.id = principal.id
WHERE principal.id = ANY ($1::int[]);

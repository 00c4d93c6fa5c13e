-- name: by_tokens
-- Whom tokens stand for: accounts or hosts.
-- $1 SHA-256 of each token
SELECT token.sha256, token.id, token.account_id, token.host_id, token.scopes,
    token.expires_at < now() AS expired, token.revoked_at IS NOT NULL AS revoked,
    host.state AS host_state, owner.state AS owner_state
FROM token
LEFT JOIN host ON host.id = token.host_id
LEFT JOIN account AS owner ON owner.id = host.account_id
WHERE token.sha256 = ANY ($1::bytea[]);

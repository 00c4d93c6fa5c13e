-- name: by_tokens
-- Who holds tokens: accounts with their privileges, or hosts.
-- $1 SHA-256 of each token
SELECT token.sha256, token.host_id, token.expires_at < now() AS expired, token.revoked_at IS NOT NULL AS revoked,
    account.id AS account_id, account.name, account.state AS account_state,
    user_submit.submit_all_apps, user_submit.admin_all_apps,
    host.state AS host_state, host.account_id AS host_account_id,
    (SELECT account.state FROM account WHERE account.id = host.account_id) AS host_account_state
FROM token
LEFT JOIN account ON account.id = token.account_id
LEFT JOIN user_submit ON user_submit.account_id = token.account_id
LEFT JOIN host ON host.id = token.host_id
WHERE token.sha256 = ANY ($1::bytea[]);

-- name: app_rights
-- $1 accounts
SELECT account_id, app_id, submit, admin FROM user_submit_app WHERE account_id = ANY ($1::int[]);

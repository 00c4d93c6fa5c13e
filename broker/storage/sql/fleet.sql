-- name: hosts
-- Hosts that may be given work, and whether they were heard of lately.
-- $1 seconds of silence after which a host is no capacity
SELECT id, pool, facts,
    last_seen_at > now() - $1::float8 * interval '1 second' AS heard
FROM host WHERE state = 'active';

-- name: accounts
-- What the scheduler weighs, for accounts with open jobs.
-- $1 half-life in seconds
SELECT account.id, account.name, account.state = 'active' AS active,
    user_submit.quota, user_submit.quota_policy,
    CASE WHEN user_submit.quota_policy = 'own_hosts' THEN (
        SELECT coalesce(sum(decayed(credit_recent, recent_at, now(), $1::float8)), 0)
        FROM host JOIN host_credit ON host_credit.host_id = host.id
        WHERE host.account_id = account.id
    ) ELSE 0 END AS own_credit_recent,
    decayed(usage_gpu_seconds, usage_at, now(), $1::float8) AS usage_gpu_seconds
FROM account_usage
JOIN account ON account.id = account_usage.account_id
JOIN user_submit ON user_submit.account_id = account_usage.account_id
WHERE account_usage.jobs_open > 0;

-- name: seen
-- $1 host ids, in order
UPDATE host SET last_seen_at = now() WHERE id = ANY ($1::int[]);

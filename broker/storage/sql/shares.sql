-- name: accounts
-- Accounts of the last plan, and those that have used something lately.
-- $1 accounts of the plan, $2 half-life in seconds, $3 rows
SELECT account.id, account.name, user_submit.quota, user_submit.quota_policy,
    CASE WHEN user_submit.quota_policy = 'own_hosts' THEN (
        SELECT coalesce(sum(decayed(credit_recent, recent_at, now(), $2::float8)), 0)
        FROM host JOIN host_credit ON host_credit.host_id = host.id
        WHERE host.account_id = account.id
    ) ELSE 0 END AS own_credit_recent,
    decayed(usage_gpu_seconds, usage_at, now(), $2::float8) AS usage_gpu_seconds
FROM account_usage
JOIN account ON account.id = account_usage.account_id
JOIN user_submit ON user_submit.account_id = account_usage.account_id
WHERE account_usage.account_id = ANY ($1::int[])
   OR account_usage.jobs_open > 0
   OR decayed(usage_gpu_seconds, usage_at, now(), $2::float8) >= 0.001
ORDER BY account_usage.account_id = ANY ($1::int[]) DESC, usage_gpu_seconds DESC, account.id
LIMIT $3::int;

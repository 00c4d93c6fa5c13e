-- name: accounts
-- Accounts of the last plan, and those that have used something lately.
-- $1 accounts of the plan, $2 half-life in seconds, $3 rows
WITH wanted AS (
    SELECT account_id, decayed(usage_gpu_seconds, usage_at, now(), $2::float8) AS usage
    FROM account_usage
    WHERE account_id = ANY ($1::int[]) OR jobs_open > 0
       OR decayed(usage_gpu_seconds, usage_at, now(), $2::float8) >= 0.001
    ORDER BY account_id = ANY ($1::int[]) DESC, usage DESC, account_id
    LIMIT $3::int
)
SELECT account.id, account.name, user_submit.group_id,
    user_submit.minimum_slots, user_submit.maximum_slots, wanted.usage AS usage_gpu_seconds,
    coalesce(decayed(due.gpu_seconds, due.updated_at, now(), $2::float8), 0) AS due_gpu_seconds,
    basis.policy, basis.quota, basis.own_credit_recent, basis.donated_credit_recent,
    basis.contribution_points
FROM wanted
JOIN account ON account.id = wanted.account_id
JOIN user_submit ON user_submit.account_id = wanted.account_id
JOIN quota_basis($2::float8) AS basis ON basis.account_id = wanted.account_id
LEFT JOIN account_due AS due ON due.account_id = wanted.account_id;

-- name: of_account
-- What an admin set, what is open, what was consumed, and what the own hosts earned; all of it
-- decayed to now.
-- $1 account, $2 half-life in seconds
SELECT user_submit.account_id, user_submit.quota, user_submit.quota_policy,
    user_submit.jobs_in_progress_max, account_usage.jobs_open,
    decayed(usage_gpu_seconds, usage_at, now(), $2::float8) AS usage_gpu_seconds,
    (
        SELECT coalesce(sum(decayed(credit_recent, recent_at, now(), $2::float8)), 0)
        FROM host JOIN host_credit ON host_credit.host_id = host.id
        WHERE host.account_id = $1::int
    ) AS own_credit_recent
FROM user_submit JOIN account_usage USING (account_id)
WHERE user_submit.account_id = $1::int;

-- name: lock
-- Two people who change one quota go one after the other.
-- $1 account
SELECT FROM user_submit WHERE account_id = $1::int FOR UPDATE;

-- name: set
-- Null keeps a value.
-- $1 account, $2 quota, $3 policy, $4 most jobs in progress
UPDATE user_submit SET
    quota = coalesce($2::float8, quota),
    quota_policy = coalesce($3::quota_policy, quota_policy),
    jobs_in_progress_max = coalesce($4::int, jobs_in_progress_max)
WHERE account_id = $1::int;

-- name: lock
-- Whoever changes budgets, or who draws on them, goes one after the other with the leader's
-- `carry`. The key is arbitrary.
SELECT pg_advisory_xact_lock(7021003);

-- name: carry
-- Carries what accounts were debited into the budgets that they draw on, and starts those anew
-- whose period is over. After `lock`. Accounts that are being written now come the next time.
-- $1 accounts to wait for, or null for all that draw on budgets
WITH news AS (
    SELECT account_id, debited_gpu_seconds - budgeted_gpu_seconds AS gpu_seconds
    FROM account_usage
    WHERE debited_gpu_seconds > budgeted_gpu_seconds
      AND $1::int[] IS NULL AND account_id IN (SELECT account_id FROM budget_scope)
    ORDER BY account_id FOR UPDATE SKIP LOCKED
), named AS (
    SELECT account_id, debited_gpu_seconds - budgeted_gpu_seconds AS gpu_seconds
    FROM account_usage
    WHERE account_id = ANY ($1::int[]) AND debited_gpu_seconds > budgeted_gpu_seconds
    ORDER BY account_id FOR UPDATE
), carried AS (
    SELECT * FROM news UNION ALL SELECT * FROM named
), noted AS (
    UPDATE account_usage SET budgeted_gpu_seconds = budgeted_gpu_seconds + carried.gpu_seconds
    FROM carried WHERE account_usage.account_id = carried.account_id
), sums AS (
    SELECT budget_id, sum(gpu_seconds) AS gpu_seconds
    FROM carried JOIN budget_scope USING (account_id) GROUP BY budget_id
), periods AS (
    SELECT id, floor(extract(epoch FROM now() - started_at) / (period_days * 86400))::int AS over
    FROM budget
)
UPDATE budget SET
    spent_gpu_seconds = coalesce(sums.gpu_seconds, 0)
        + CASE WHEN periods.over > 0 THEN 0 ELSE spent_gpu_seconds END,
    started_at = started_at
        + coalesce(periods.over * period_days, 0) * interval '1 day'
FROM periods LEFT JOIN sums ON sums.budget_id = periods.id
WHERE budget.id = periods.id AND (sums.gpu_seconds > 0 OR periods.over > 0);

-- name: members
-- Accounts that would draw on a budget of a group.
-- $1 group
SELECT user_submit.account_id
FROM share_group_line JOIN user_submit ON user_submit.group_id = share_group_line.group_id
WHERE share_group_line.above_id = $1::int;

-- name: set
-- Makes or changes a budget; what was spent stays unless the period changes.
-- $1 account or null, $2 group or null, $3 GPU-seconds, $4 period in days or null
WITH changed AS (
    UPDATE budget SET
        gpu_seconds = $3::float8, period_days = $4::int,
        started_at = CASE WHEN period_days IS DISTINCT FROM $4::int THEN now() ELSE started_at END,
        spent_gpu_seconds = CASE WHEN period_days IS DISTINCT FROM $4::int THEN 0
            ELSE spent_gpu_seconds END
    WHERE account_id = $1::int OR group_id = $2::int
    RETURNING id
)
INSERT INTO budget (account_id, group_id, gpu_seconds, period_days)
SELECT $1::int, $2::int, $3::float8, $4::int WHERE NOT EXISTS (SELECT FROM changed);

-- name: remove
-- $1 account or null, $2 group or null
DELETE FROM budget WHERE account_id = $1::int OR group_id = $2::int;

-- name: of
-- The budgets of accounts and groups themselves.
-- $1 accounts, $2 groups
SELECT account_id, group_id, gpu_seconds, period_days, spent_gpu_seconds, reserved_gpu_seconds,
    resets_at
FROM budget_now
WHERE account_id = ANY ($1::int[]) OR group_id = ANY ($2::int[]);

-- name: drawn
-- What is left of each budget before reservations, and the accounts with open jobs that draw on it.
SELECT budget_now.id, gpu_seconds - spent_gpu_seconds AS left_gpu_seconds,
    array_agg(budget_scope.account_id) AS accounts
FROM budget_now
JOIN budget_scope ON budget_scope.budget_id = budget_now.id
JOIN account_usage ON account_usage.account_id = budget_scope.account_id
WHERE account_usage.jobs_open > 0
GROUP BY budget_now.id, gpu_seconds, spent_gpu_seconds;

-- name: tightest
-- The budget on which an account draws that has least left, and whose it is.
-- $1 account
SELECT coalesce('group ' || share_group.name, 'account ' || account.name) AS holder, gpu_seconds,
    period_days, spent_gpu_seconds, reserved_gpu_seconds, resets_at
FROM budget_scope
JOIN budget_now ON budget_now.id = budget_scope.budget_id
LEFT JOIN share_group ON share_group.id = budget_now.group_id
LEFT JOIN account ON account.id = budget_now.account_id
WHERE budget_scope.account_id = $1::int
ORDER BY gpu_seconds - spent_gpu_seconds - reserved_gpu_seconds, budget_now.id
LIMIT 1;

-- name: reserve
-- Writes down what is held back for running jobs; accounts that are not named run nothing.
-- $1 accounts, $2 GPU-seconds
UPDATE budget SET reserved_gpu_seconds = wanted.gpu_seconds
FROM (
    SELECT budget.id, coalesce(sum(running.gpu_seconds), 0) AS gpu_seconds
    FROM budget
    LEFT JOIN budget_scope ON budget_scope.budget_id = budget.id
    LEFT JOIN unnest($1::int[], $2::float8[]) AS running (account_id, gpu_seconds)
        ON running.account_id = budget_scope.account_id
    GROUP BY budget.id
) AS wanted
WHERE budget.id = wanted.id AND budget.reserved_gpu_seconds <> wanted.gpu_seconds;

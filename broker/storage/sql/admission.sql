-- name: count
-- Counts new jobs against the accounts' own limits; an account that is missing from the result has
-- no room, and then nothing was counted for it. Says who must be looked at with `breaches`.
-- $1 accounts, in order, $2 jobs of each
UPDATE account_usage SET jobs_open = jobs_open + wanted.jobs
FROM unnest($1::int[], $2::int[]) AS wanted (account_id, jobs), user_submit
WHERE account_usage.account_id = wanted.account_id
  AND user_submit.account_id = wanted.account_id
  AND jobs_open + wanted.jobs <= user_submit.jobs_in_progress_max
RETURNING account_usage.account_id,
    EXISTS (SELECT FROM budget)
    OR (group_id IS NOT NULL
        AND EXISTS (SELECT FROM share_group WHERE share_group.jobs_in_progress_max IS NOT NULL))
    AS limited;

-- name: uncount
-- $1 accounts, $2 jobs of each
UPDATE account_usage SET jobs_open = jobs_open - wanted.jobs
FROM unnest($1::int[], $2::int[]) AS wanted (account_id, jobs)
WHERE account_usage.account_id = wanted.account_id;

-- name: of_account
-- $1 account
SELECT account.name, user_submit.jobs_in_progress_max, account_usage.jobs_open
FROM account
JOIN user_submit ON user_submit.account_id = account.id
JOIN account_usage ON account_usage.account_id = account.id
WHERE account.id = $1::int;

-- name: lock
-- Members of a group with a limit of jobs are admitted one transaction after the other, or two of
-- them could take the same room. Nobody waits for account rows after this.
-- $1 accounts
SELECT pg_advisory_xact_lock(7021004, id) FROM (
    SELECT DISTINCT share_group.id
    FROM user_submit
    JOIN share_group_line ON share_group_line.group_id = user_submit.group_id
    JOIN share_group ON share_group.id = share_group_line.above_id
    WHERE user_submit.account_id = ANY ($1::int[])
      AND share_group.jobs_in_progress_max IS NOT NULL
    ORDER BY share_group.id
    OFFSET 0
) AS limited;

-- name: breaches
-- Which limits of groups and which budgets the accounts are beyond, counted jobs included. A budget
-- is breached when nothing of it is left.
-- $1 accounts
WITH above AS (
    SELECT user_submit.account_id, share_group.id, share_group.name,
        share_group.jobs_in_progress_max
    FROM user_submit
    JOIN share_group_line ON share_group_line.group_id = user_submit.group_id
    JOIN share_group ON share_group.id = share_group_line.above_id
    WHERE user_submit.account_id = ANY ($1::int[])
      AND share_group.jobs_in_progress_max IS NOT NULL
), open AS (
    SELECT share_group_line.above_id AS id, sum(jobs_open) AS jobs
    FROM share_group_line
    JOIN user_submit ON user_submit.group_id = share_group_line.group_id
    JOIN account_usage ON account_usage.account_id = user_submit.account_id
    WHERE share_group_line.above_id IN (SELECT id FROM above)
    GROUP BY share_group_line.above_id
)
SELECT above.account_id, 'jobs_in_progress_max' AS name, 'group ' || above.name AS holder,
    above.jobs_in_progress_max::float8 AS allowed, open.jobs::float8 AS used,
    NULL::timestamptz AS resets_at, NULL::float8 AS resets_seconds
FROM above JOIN open ON open.id = above.id
WHERE open.jobs > above.jobs_in_progress_max
UNION ALL
SELECT budget_scope.account_id, 'gpu_seconds_budget',
    coalesce('group ' || share_group.name, 'account ' || account.name), gpu_seconds,
    spent_gpu_seconds + reserved_gpu_seconds, resets_at,
    extract(epoch FROM resets_at - now())::float8
FROM budget_scope
JOIN budget_now ON budget_now.id = budget_scope.budget_id
LEFT JOIN share_group ON share_group.id = budget_now.group_id
LEFT JOIN account ON account.id = budget_now.account_id
WHERE budget_scope.account_id = ANY ($1::int[])
  AND spent_gpu_seconds + reserved_gpu_seconds >= gpu_seconds;

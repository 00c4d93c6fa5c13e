-- name: hold
-- Takes or keeps the leadership; no row when another broker has it. A new leader gets a new term.
-- $1 this broker, $2 length in seconds
UPDATE leader SET
    term = CASE WHEN leader_id = $1::text AND expires_at > now() THEN term ELSE term + 1 END,
    elected_at = CASE WHEN leader_id = $1::text AND expires_at > now() THEN elected_at ELSE now() END,
    leader_id = $1::text,
    expires_at = now() + $2::float8 * interval '1 second'
WHERE leader_id = $1::text OR expires_at < now()
RETURNING term;

-- name: resign
-- $1 this broker
UPDATE leader SET leader_id = '', expires_at = now() WHERE leader_id = $1::text;

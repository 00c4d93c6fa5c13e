-- Takes the oldest jobs of lanes for one scheduling cycle, and remembers them under the cycle's
-- name until their claims stand in PostgreSQL (see confirm and restore in lanes.py).
-- ARGV: prefix, generation, cycle, then (lane, jobs) for each lane, each lane once.
-- Returns, for each lane, the members in one string.
local prefix, generation, cycle = ARGV[1], ARGV[2], ARGV[3]
if redis.call('GET', prefix .. ':generation') ~= generation then
    return redis.error_reply('GENERATION')
end
local popped, remembered = {}, {}
for at = 4, #ARGV, 2 do
    local lane = ARGV[at]
    local entries = redis.call('ZPOPMIN', prefix .. ':lane:' .. lane, ARGV[at + 1])
    local members = {}
    for i = 1, #entries, 2 do
        members[#members + 1] = entries[i]
    end
    popped[#popped + 1] = table.concat(members)
    if #entries > 0 then
        -- entries holds member, score, member, score, ...
        remembered[#remembered + 1] = { lane, entries }
    end
end
if #remembered > 0 then
    redis.call('HSET', prefix .. ':popped', cycle, cmsgpack.pack(remembered))
end
return popped

-- Takes runs of consecutive jobs out of their lanes. Idempotent.
-- ARGV: prefix, generation, then (lane, first job, jobs) for each run.
local prefix, generation = ARGV[1], ARGV[2]
if redis.call('GET', prefix .. ':generation') ~= generation then
    return redis.error_reply('GENERATION')
end
local CHUNK = 1000
local removed = 0
for at = 3, #ARGV, 3 do
    local key = prefix .. ':lane:' .. ARGV[at]
    local first, jobs = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    for start = 0, jobs - 1, CHUNK do
        local members = {}
        for offset = start, math.min(start + CHUNK, jobs) - 1 do
            local id = first + offset
            members[#members + 1] = struct.pack('>I4I4', math.floor(id / 4294967296), id % 4294967296)
        end
        removed = removed + redis.call('ZREM', key, unpack(members))
    end
    redis.call('SADD', prefix .. ':dirty', ARGV[at])
end
return removed

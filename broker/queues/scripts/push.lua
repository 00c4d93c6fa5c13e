-- Puts runs of consecutive jobs into their lanes. Idempotent.
-- ARGV: prefix, generation, then (lane, score, first job, jobs) for each run.
-- Returns the number of jobs that were not there before.
local prefix, generation = ARGV[1], ARGV[2]
if redis.call('GET', prefix .. ':generation') ~= generation then
    return redis.error_reply('GENERATION')
end
local CHUNK = 1000  -- members an unpack() can carry safely
local added = 0
for at = 3, #ARGV, 4 do
    local lane, score = ARGV[at], ARGV[at + 1]
    local first, jobs = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local key = prefix .. ':lane:' .. lane
    for start = 0, jobs - 1, CHUNK do
        local members = {}
        for offset = start, math.min(start + CHUNK, jobs) - 1 do
            local id = first + offset
            members[#members + 1] = score
            members[#members + 1] = struct.pack('>I4I4', math.floor(id / 4294967296), id % 4294967296)
        end
        added = added + redis.call('ZADD', key, unpack(members))
    end
    redis.call('SADD', prefix .. ':lanes', lane)
    redis.call('SADD', prefix .. ':dirty', lane)
end
return added

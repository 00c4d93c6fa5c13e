-- Puts back what cycles popped and never confirmed, because their leader died in between. Jobs
-- that were claimed after all come back too; the next claim of them finds nothing to do.
-- ARGV: prefix, generation, and optionally one cycle; else all of them.
local prefix, generation = ARGV[1], ARGV[2]
if redis.call('GET', prefix .. ':generation') ~= generation then
    return redis.error_reply('GENERATION')
end
local cycles = { ARGV[3] }
if not ARGV[3] then
    cycles = redis.call('HKEYS', prefix .. ':popped')
end
local restored = 0
for _, cycle in ipairs(cycles) do
    local packed = redis.call('HGET', prefix .. ':popped', cycle)
    if packed then
        for _, entry in ipairs(cmsgpack.unpack(packed)) do
            local lane, entries = entry[1], entry[2]
            for i = 1, #entries, 2 do
                restored = restored
                    + redis.call('ZADD', prefix .. ':lane:' .. lane, entries[i + 1], entries[i])
            end
            redis.call('SADD', prefix .. ':lanes', lane)
            redis.call('SADD', prefix .. ':dirty', lane)
        end
        redis.call('HDEL', prefix .. ':popped', cycle)
    end
end
return restored

-- What changed since the leader last looked: lane lengths, asks, freed slots.
-- ARGV: prefix, generation, most entries of each kind.
-- Returns { lanes, lengths, hosts, asks, freed }; an ask is false when the host withdrew it.
local prefix, generation, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('GET', prefix .. ':generation') ~= generation then
    return redis.error_reply('GENERATION')
end
local lanes = redis.call('SPOP', prefix .. ':dirty', most)
local lengths = {}
for i, lane in ipairs(lanes) do
    lengths[i] = redis.call('ZCARD', prefix .. ':lane:' .. lane)
    if lengths[i] == 0 then
        redis.call('SREM', prefix .. ':lanes', lane)
    end
end
local hosts = redis.call('SPOP', prefix .. ':asked', most)
local asks = {}
if #hosts > 0 then
    asks = redis.call('HMGET', prefix .. ':asks', unpack(hosts))
end
local freed = redis.call('LRANGE', prefix .. ':freed', 0, most - 1)
if #freed > 0 then
    redis.call('LTRIM', prefix .. ':freed', #freed, -1)
end
return { lanes, lengths, hosts, asks, freed }

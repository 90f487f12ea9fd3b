-- Prolongs leases.  KEYS: unacked, unacked_index, leases, held.  ARGV: lease in ms, then for each message: tag, owner.
-- Returns for each 1, or 0 when it is held no more.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
for i = 2, #ARGV, 2 do
  local tag, owner = ARGV[i], ARGV[i + 1]
  local holding = redis.call('HGET', KEYS[4], tag)
  if holding and string.sub(holding, 1, #owner + 1) == owner .. '\n' and redis.call('HEXISTS', KEYS[1], tag) == 1 then
    redis.call('ZADD', KEYS[3], string.format('%.0f', now + ARGV[1]), tag)
    -- Celery's workers give back what looks old here.
    redis.call('ZADD', KEYS[2], string.format('%.3f', now / 1000), tag)
    out[#out + 1] = 1
  else
    out[#out + 1] = 0
  end
end
return out

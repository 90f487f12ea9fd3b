-- Takes or keeps the leader's lease.  Answers the token, or nil when another holds it.
-- KEYS: lease, token   ARGV: name, milliseconds
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return redis.call('INCR', KEYS[2])
end
if holder ~= ARGV[1] then return nil end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return tonumber(redis.call('GET', KEYS[2]) or redis.call('INCR', KEYS[2]))

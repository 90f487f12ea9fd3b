-- Hands a request to the leading scheduler.  Answers its id, or nil when too many wait.
-- KEYS: requests   ARGV: json, how many may wait, channel, event
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then return nil end
local id = redis.call('XADD', KEYS[1], '*', 'json', ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return id

-- Puts one compacted partial in place of many, when the window is as it was read.
-- KEYS: the window.  ARGV: its changes when it was read, the compacted entry, then the slices that it replaces.
if redis.call('HGET', KEYS[1], 'changes') ~= ARGV[1] then return 0 end
for i = 3, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('HSET', KEYS[1], 'compacted', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'compactions', 1)
redis.call('HINCRBY', KEYS[1], 'changes', 1)
return 1

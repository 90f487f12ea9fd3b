-- Replaces the note of where a slice wrote, when it is still the one that this attempt made; so that another attempt at the same
-- time leaves a note that names too many windows, never too few.
-- KEYS: notes by slice, slices by their latest start.  ARGV: the slice, the note expected, the new one (empty: none), its
-- latest start.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
end
return 1

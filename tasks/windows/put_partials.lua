-- Gives the partials of one slice to windows, or takes them away, and notes that the run touched these windows.
-- KEYS: the task's window starts, the run's touched starts, then a key for each window.
-- ARGV: the slice, seconds until an abandoned window and an old note end, then a start and an entry for each window; an empty
-- entry takes away what the slice wrote.  Doing it again changes nothing.
local slice, window_ttl, touched_ttl = ARGV[1], ARGV[2], ARGV[3]
for i = 3, #KEYS do
  local window, start, entry = KEYS[i], ARGV[2 * i - 2], ARGV[2 * i - 1]
  redis.call('SADD', KEYS[2], start)
  local old = redis.call('HGET', window, slice)
  local lost = 0
  if old then lost = tonumber(string.match(old, '^%a (%d+)')) or 0 end
  if entry ~= '' then
    lost = lost - tonumber(string.match(entry, '^%a (%d+)'))
    redis.call('HSET', window, slice, entry)
    redis.call('ZADD', KEYS[1], start, start)
  elseif old then
    redis.call('HDEL', window, slice)
  end
  if entry ~= '' or old then
    -- Versions count spans and must not shrink when a slice does.
    if lost > 0 then redis.call('HINCRBY', window, 'retired', lost) end
    redis.call('HINCRBY', window, 'changes', 1)
    redis.call('EXPIRE', window, window_ttl)
  end
end
redis.call('EXPIRE', KEYS[1], window_ttl)
redis.call('EXPIRE', KEYS[2], touched_ttl)
return 1

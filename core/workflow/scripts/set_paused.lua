-- Pauses or unpauses a DAG.  Answers 0 when there is none.  KEYS: dag   ARGV: 0 or 1, channel, event
if redis.call('HEXISTS', KEYS[1], 'json') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'paused', ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1

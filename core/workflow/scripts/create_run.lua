-- Creates a run.  Answers 1, or 0 when the DAG has a run of that id or, of scheduled and backfill runs, of that date.
-- KEYS: run, tasks, the DAG's runs, all runs, live, dag, twin (the run of the other automatic type and the same date, or the run itself)
-- ARGV: run_id, live member, logical date (seconds), queued at (seconds), channel, event, last interval or "", n fields, field,
--       value, …, name, task json, …
-- Instants are written so that they sort as texts.  Also noted when the run is there: who asks goes on behind it.
if ARGV[7] ~= '' and (redis.call('HGET', KEYS[6], 'last_interval') or '') < ARGV[7] then
  redis.call('HSET', KEYS[6], 'last_interval', ARGV[7])
end
if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('EXISTS', KEYS[7]) == 1 then return 0 end
local fields = tonumber(ARGV[8])
local at = 9
for i = 1, fields do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
while at < #ARGV do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[2])
redis.call('SADD', KEYS[5], ARGV[2])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1

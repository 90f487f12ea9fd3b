-- Deletes a run that has ended.  Answers 1, or 0 when it is live.
-- KEYS: run, tasks, the DAG's runs, all runs   ARGV: run_id, live member
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'queued' or state == 'running' then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[2])
return 1

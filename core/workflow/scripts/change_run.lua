-- Changes one run: all of it or nothing.  Answers 1, 0 (the store holds something else) or -1 (another scheduler leads).
-- KEYS: token, run, tasks, live, progress, requests, then one for the answer of each request
-- ARGV: token, from, to, live member, channel, event, n run fields, field, value, …, n progress, task, json, …,
--       n tasks, then for each: name, expected beginning of the stored text ("" for none), new text ("" to delete),
--       seconds that answers are kept, then for each request that is fulfilled: its id, its answer
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('HGET', KEYS[2], 'state') ~= ARGV[2] then return 0 end
local at = 7
local fields = tonumber(ARGV[at]); local fields_at = at + 1
at = fields_at + fields * 2
local progress = tonumber(ARGV[at]); local progress_at = at + 1
at = progress_at + progress * 2
local tasks = tonumber(ARGV[at]); local tasks_at = at + 1
for i = 0, tasks - 1 do
  local stored = redis.call('HGET', KEYS[3], ARGV[tasks_at + i * 3]) or ''
  local expected = ARGV[tasks_at + i * 3 + 1]
  if expected == '' then
    if stored ~= '' then return 0 end
  elseif string.sub(stored, 1, #expected) ~= expected then
    return 0
  end
end
local answers_at = tasks_at + tasks * 3 + 1
for at_request = answers_at, #ARGV, 2 do
  if #redis.call('XRANGE', KEYS[6], ARGV[at_request], ARGV[at_request]) == 0 then return 0 end
end
for at_request = answers_at, #ARGV, 2 do
  redis.call('XDEL', KEYS[6], ARGV[at_request])
  redis.call('SET', KEYS[7 + (at_request - answers_at) / 2], ARGV[at_request + 1], 'EX', ARGV[answers_at - 1])
end
redis.call('HSET', KEYS[2], 'state', ARGV[3])
for i = 0, fields - 1 do
  if ARGV[fields_at + i * 2 + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[fields_at + i * 2])
  else
    redis.call('HSET', KEYS[2], ARGV[fields_at + i * 2], ARGV[fields_at + i * 2 + 1])
  end
end
for i = 0, progress - 1 do
  redis.call('HSET', KEYS[5], ARGV[progress_at + i * 2], ARGV[progress_at + i * 2 + 1])
end
for i = 0, tasks - 1 do
  local text = ARGV[tasks_at + i * 3 + 2]
  if text == '' then
    redis.call('HDEL', KEYS[3], ARGV[tasks_at + i * 3])
  else
    redis.call('HSET', KEYS[3], ARGV[tasks_at + i * 3], text)
  end
end
if ARGV[3] == 'success' or ARGV[3] == 'failed' then
  redis.call('SREM', KEYS[4], ARGV[4])
else
  redis.call('SADD', KEYS[4], ARGV[4])
end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1

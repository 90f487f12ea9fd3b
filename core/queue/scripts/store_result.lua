-- Stores a result and tells who waits, unless a final one is there already.
-- KEYS: the result's key.  ARGV: document, seconds to keep it (0: for ever), channel.
-- Returns 1 when stored, 0 when a final state stood there.
local old = redis.call('GET', KEYS[1])
if old then
  -- Celery and we write the status first; whoever doesn't is parsed.
  local status = string.match(old, '^{%s*"status"%s*:%s*"(%u+)"')
  if not status then
    local ok, document = pcall(cjson.decode, old)
    if ok and type(document) == 'table' then status = document['status'] end
  end
  if status == 'SUCCESS' or status == 'FAILURE' or status == 'REVOKED' then return 0 end
end
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[1])
end
redis.call('PUBLISH', ARGV[3], ARGV[1])
return 1

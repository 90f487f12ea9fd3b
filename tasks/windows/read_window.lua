-- A window in one answer: {compactions, retired, changes, 1, fields and values} when it is small, else
-- {compactions, retired, changes, 0, fields and sizes}, whose values are then fetched in parts.
-- KEYS: the window.  ARGV: how many bytes are small.
local about = redis.call('HMGET', KEYS[1], 'compactions', 'retired', 'changes')
for i = 1, 3 do about[i] = about[i] or '0' end
local total, sizes = 0, {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local size = redis.call('HSTRLEN', KEYS[1], field)
  total = total + size
  sizes[#sizes + 1] = field
  sizes[#sizes + 1] = tostring(size)
end
if total <= tonumber(ARGV[1]) then return {about[1], about[2], about[3], 1, redis.call('HGETALL', KEYS[1])} end
return {about[1], about[2], about[3], 0, sizes}

-- Takes messages off their lists and holds them under a lease, in one step: a message is always in one place.
-- KEYS: unacked, unacked_index, leases, held, losses, eta, eta messages, then the lists in the order of serving.
-- ARGV: how many at most, lease in ms, owner (new for each claim), then for each list its queue.
-- Returns milliseconds until the next eta (-1: none), then for each message: tag, list, envelope, times its worker was lost.
local unacked, index, leases, held, losses, eta, waiting =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local due = redis.call('ZRANGEBYSCORE', eta, '-inf', now, 'LIMIT', 0, 1000)
for i = #due, 1, -1 do
  local entry = redis.call('HGET', waiting, due[i])
  if entry then
    local cut = string.find(entry, '\n', 1, true)
    redis.call('RPUSH', string.sub(entry, 1, cut - 1), string.sub(entry, cut + 1))
    redis.call('HDEL', waiting, due[i])
  end
  redis.call('ZREM', eta, due[i])
end

local left, lease, owner = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local out = {-1}
local count = 0
for i = 8, #KEYS do
  if left <= 0 then break end
  local list, queue = KEYS[i], ARGV[i - 4]
  local got = redis.call('RPOP', list, left)
  if got then
    left = left - #got
    for _, envelope in ipairs(got) do
      count = count + 1
      local tag
      for found in string.gmatch(envelope, '"delivery_tag"%s*:%s*"([^"\\]+)"') do tag = found end
      -- No tag, or a copy of a message that is held: its own tag keeps both apart.
      if not tag or #tag > 200 or redis.call('HEXISTS', unacked, tag) == 1 then
        tag = 'tamis.' .. owner .. '.' .. count
      end
      redis.call('HSET', unacked, tag, '[' .. envelope .. ', "", "' .. queue .. '"]')
      redis.call('ZADD', index, string.format('%.3f', now / 1000), tag)
      redis.call('ZADD', leases, string.format('%.0f', now + lease), tag)
      redis.call('HSET', held, tag, owner .. '\n' .. list)
      out[#out + 1] = tag
      out[#out + 1] = list
      out[#out + 1] = envelope
      out[#out + 1] = redis.call('HGET', losses, tag) or '0'
    end
  end
end
local first = redis.call('ZRANGE', eta, 0, 0, 'WITHSCORES')
if first[2] then out[1] = math.max(0, math.floor(first[2] - now)) end
return out

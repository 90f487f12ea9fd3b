-- Gives back what dead workers held, and moves what is due to its list.  Any worker and the scheduler may run it at any time.
-- KEYS: unacked, unacked_index, leases, held, losses, eta, eta messages.
-- ARGV: lease in ms, owner for what is taken over, losses that make a message poison, visibility timeout in ms for what workers
-- without leases (Celery's) hold, how many at most, key prefix.
-- Returns milliseconds until the next eta (-1: none), how many were given back, then for each poisonous message, which the
-- caller now holds: tag, list, envelope, losses.
local unacked, index, leases, held, losses, eta, waiting =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local lease, owner, most_losses, visibility, most, prefix =
  tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function envelope_of(triple)
  local envelope = string.match(triple, '^%[(.*), "[^"]*", "[^"]*"%]$')
  if envelope then return envelope end
  return cjson.encode(cjson.decode(triple)[1])
end

local function marked(envelope)
  if not string.find(envelope, '"redelivered"%s*:%s*true') then
    envelope = string.gsub(envelope, '("headers"%s*:%s*{)(%s*)(.)', function(head, space, next)
      return head .. '"redelivered": true' .. (next == '}' and '' or ', ') .. next
    end, 1)
    envelope = string.gsub(envelope, '("delivery_info"%s*:%s*{)(%s*)(.)', function(head, space, next)
      return head .. '"redelivered": true' .. (next == '}' and '' or ', ') .. next
    end, 1)
  end
  return envelope
end

local function forget(tag)
  redis.call('HDEL', unacked, tag)
  redis.call('ZREM', index, tag)
  redis.call('ZREM', leases, tag)
  redis.call('HDEL', held, tag)
end

local due = redis.call('ZRANGEBYSCORE', eta, '-inf', now, 'LIMIT', 0, most)
for i = #due, 1, -1 do
  local entry = redis.call('HGET', waiting, due[i])
  if entry then
    local cut = string.find(entry, '\n', 1, true)
    redis.call('RPUSH', string.sub(entry, 1, cut - 1), string.sub(entry, cut + 1))
    redis.call('HDEL', waiting, due[i])
  end
  redis.call('ZREM', eta, due[i])
end

local out = {-1, 0}
local expired = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, most)
for i = #expired, 1, -1 do
  local tag = expired[i]
  local holding = redis.call('HGET', held, tag)
  local triple = redis.call('HGET', unacked, tag)
  if not holding or not triple then
    redis.call('ZREM', leases, tag)
    redis.call('HDEL', held, tag)
    redis.call('HDEL', losses, tag)
  else
    local list = string.sub(holding, string.find(holding, '\n', 1, true) + 1)
    local lost = redis.call('HINCRBY', losses, tag, 1)
    if lost >= most_losses then
      redis.call('HSET', held, tag, owner .. '\n' .. list)
      redis.call('ZADD', leases, string.format('%.0f', now + lease), tag)
      redis.call('ZADD', index, string.format('%.3f', now / 1000), tag)
      out[#out + 1] = tag
      out[#out + 1] = list
      out[#out + 1] = envelope_of(triple)
      out[#out + 1] = tostring(lost)
    else
      redis.call('RPUSH', list, marked(envelope_of(triple)))
      forget(tag)
      out[2] = out[2] + 1
    end
  end
end

local old = redis.call('ZRANGEBYSCORE', index, '-inf', string.format('%.3f', (now - visibility) / 1000), 'LIMIT', 0, most)
for i = #old, 1, -1 do
  local tag = old[i]
  if not redis.call('ZSCORE', leases, tag) then
    local triple = redis.call('HGET', unacked, tag)
    local queue = triple and string.match(triple, ', "[^"]*", "([^"]*)"%]$')
    if queue then
      local envelope = envelope_of(triple)
      local step = ''
      for found in string.gmatch(envelope, '"priority"%s*:%s*(%d+)') do
        local priority = tonumber(found)
        step = priority >= 9 and '\6\0229' or priority >= 6 and '\6\0226' or priority >= 3 and '\6\0223' or ''
      end
      redis.call('RPUSH', prefix .. queue .. step, marked(envelope))
      out[2] = out[2] + 1
      forget(tag)
    elseif not triple then
      redis.call('ZREM', index, tag)
    end
  end
end

local first = redis.call('ZRANGE', eta, 0, 0, 'WITHSCORES')
if first[2] then out[1] = math.max(0, math.floor(first[2] - now)) end
return out

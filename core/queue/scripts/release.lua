-- Ends the holding of messages: settled, given back, put off to their eta, or buried.  Only their owner can.
-- KEYS: unacked, unacked_index, leases, held, losses, eta, eta messages.
-- ARGV: verb (settle, back, postpone, bury), then for each message: tag, owner, and what the verb needs: eta in ms, or
-- the dead list and its entry, joined by a line feed (else empty).
-- Returns for each 1, or 0 when somebody else has it by now.
local unacked, index, leases, held, losses, eta, waiting =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]

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

local verb = ARGV[1]
local out = {}
for i = 2, #ARGV, 3 do
  local tag, owner, more = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local holding = redis.call('HGET', held, tag)
  local mine = holding and string.sub(holding, 1, #owner + 1) == owner .. '\n'
  local done = 0
  if mine then
    local triple = redis.call('HGET', unacked, tag)
    -- A Celery worker may have given it back, when its visibility_timeout is shorter than our renewals: then it isn't ours.
    if triple then
      local list = string.sub(holding, #owner + 2)
      if verb == 'back' then
        redis.call('RPUSH', list, marked(envelope_of(triple)))
      elseif verb == 'postpone' then
        redis.call('HSET', waiting, tag, list .. '\n' .. envelope_of(triple))
        redis.call('ZADD', eta, more, tag)
      elseif verb == 'bury' then
        local cut = string.find(more, '\n', 1, true)
        redis.call('LPUSH', string.sub(more, 1, cut - 1), string.sub(more, cut + 1))
      end
      redis.call('HDEL', unacked, tag)
      redis.call('ZREM', index, tag)
      done = 1
    end
    redis.call('ZREM', leases, tag)
    redis.call('HDEL', held, tag)
    if verb ~= 'back' then redis.call('HDEL', losses, tag) end
  end
  out[#out + 1] = done
end
return out

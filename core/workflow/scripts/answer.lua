-- Takes a request and answers it.  Answers 1, 0 (it is gone) or -1 (another scheduler leads).
-- KEYS: token, requests, answer   ARGV: token, id, answer, seconds that the answer is kept
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('XDEL', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[4])
return 1

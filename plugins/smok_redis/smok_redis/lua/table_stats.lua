-- KEYS: 2 rows, 3 queue. Answers {rows, pending, dropped}.
local dropped = redis.call('HGET', KEYS[1], ARGV[4] .. 'dropped')
return {redis.call('HLEN', KEYS[2]), redis.call('ZCARD', KEYS[3]), assert(tonumber(dropped or 0))}

-- KEYS: 2 rows, 3 queue. Answers {rows, pending}.
return {redis.call('HLEN', KEYS[2]), redis.call('ZCARD', KEYS[3])}

-- KEYS: 3 rows, 4 queue. Answers {rows, pending}.
return {redis.call('HLEN', KEYS[3]), redis.call('ZCARD', KEYS[4])}

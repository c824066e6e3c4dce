-- KEYS: 2 stream of the name. Answers its newest entry. A name's stream always holds its newest
-- point: the late set only ever takes older ones, and the newest is never trimmed.
return redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)

-- Reads several things at one moment, where a transaction is refused (see client.py).
-- KEYS: 3... what is read. ARGV: 4 packed list of {command, argument...}, one for each key.
local answers = {}
for i, command in ipairs(cmsgpack.unpack(ARGV[4])) do
  answers[i] = redis.call(command[1], KEYS[2 + i], unpack(command, 2))
end
return answers

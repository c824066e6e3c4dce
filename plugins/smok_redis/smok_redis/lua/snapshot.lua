-- Reads several things at one moment, where a transaction is refused (see client.py).
-- KEYS: 2... what is read. ARGV: 5 packed list of {command, argument...}, one for each key.
local answers = {}
for i, command in ipairs(cmsgpack.unpack(ARGV[5])) do
  answers[i] = redis.call(command[1], KEYS[1 + i], unpack(command, 2))
end
return answers

-- Makes one text of many small ones, their lengths in front. The client takes a hundred times as long
-- to read an answer of thousands of texts as the server to join them. What is large stays apart: the
-- client would hold it twice.
local function joined(texts)
  local lengths, size = {}, 0
  for at, each in ipairs(texts) do
    lengths[at] = #each
    size = size + #each
  end
  if #texts == 0 or size > 2 ^ 18 then
    return texts
  end
  local packed = cmsgpack.pack(lengths)
  return struct.pack('<I4', #packed) .. packed .. table.concat(texts)
end


#include "common/usage/redis_script_parts.hpp"

namespace policyd::usage::redis_script_parts {

const char* const kWarned = R"lua(
local expected, wanted = struct.unpack('<dd', ARGV[1], 17)
local m = read(KEYS[2])
if not m.exists then return struct.pack('<dddd', 0, 0, -1, 0) end
local warned = tonumber(redis.call('HGET', m.key, 'w') or -1)
if wanted >= 0 then
  local is_replaced = warned == expected
  if is_replaced then redis.call('HSET', m.key, 'w', string.format('%.0f', wanted)) end
  return struct.pack('<dddd', 1, 0, warned, is_replaced and 1 or 0)
end
local bytes, messages = m.b, m.n
if m.rn > 0 then
  local stored = redis.call('HGET', m.key, 'c')
  local since = math.max(m.s, stored and struct.unpack('<d', stored) or -1)
  local fields = redis.call('HGETALL', m.key)
  for i = 1, #fields, 2 do
    local field, held = fields[i], fields[i + 1]
    -- Of a sum nobody knows what of it is settled: all but what came in the last moments.
    local is_sum = string.sub(field, 1, 2) == 'r~'
    if is_sum or (string.sub(field, 1, 2) == 'r:' and #held > held_size) then
      local made, more, copies = struct.unpack(kHeld, held)
      if made >= since then bytes, messages = bytes + more, messages + copies end
    end
  end
end
return struct.pack('<ddddddd', 1, bytes, warned, 0, messages, m.b + m.rb, m.n + m.rn)
)lua";

}  // namespace policyd::usage::redis_script_parts

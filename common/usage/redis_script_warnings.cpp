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
  local since, without = math.max(m.s, stored and struct.unpack('<d', stored) or -1), 'r:' .. ARGV[2]
  local find_in_sums = sums()
  local own = find_in_sums(m.key, m.f, ARGV[2])
  local fields = redis.call('HGETALL', m.key)
  for i = 1, #fields, 2 do
    local field = fields[i]
    if is_reservation(field) and field ~= without then
      local made, more, copies = struct.unpack(kHeld, fields[i + 1])
      -- Of a sum that began before, nobody knows what came after.
      local minute, hour = string.match(field, '^r~%d+%.(%d+)$'), string.match(field, '^r~h(%d+)$')
      local oldest = minute and minute * 60000 or hour and hour * 3600000 or made
      if oldest >= since then
        bytes, messages = bytes + more, messages + copies
        if own and own.sum == field then
          local _, own_bytes, own_copies = struct.unpack(kHeld, own.held)
          bytes, messages = bytes - own_bytes, messages - own_copies
        end
      end
    end
  end
end
return struct.pack('<ddddd', 1, bytes, warned, 0, messages)
)lua";

}  // namespace policyd::usage::redis_script_parts

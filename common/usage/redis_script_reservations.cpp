#include "common/usage/redis_script_parts.hpp"

namespace policyd::usage::redis_script_parts {

const char* const kReservations = R"lua(
local most, grace = unpack_numbers('<dd', ARGV[1], 17)

-- Of the reservation at hand: the numbers of the answer, and what is known of each mailbox. Tables
-- that are made anew, or grow, cost more than the arithmetic.
local told, known = {0, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
local kKnown = 13
local formats = {}

-- All of them, in parts: of a large alias Lua cannot put as many on its stack at once.
local kPackedAtOnce = 1000
local function pack_told(from, last)
  local upto = math.min(last, from + kPackedAtOnce - 1)
  local count = upto - from + 1
  if not formats[count] then formats[count] = '<' .. string.rep('d', count) end
  local packed = pack(formats[count], unpack(told, from, upto))
  if upto == last then return packed end
  return packed .. pack_told(upto + 1, last)
end

local function reserve(first, last, numbers, field)
  open_domain(KEYS[first])
  if d_newest > ahead or d_oldest < dead then tend() end
  local size, age, needs, settled, ends_fullness, tells_held, limited, domain_bytes, domain_messages = unpack_numbers('<ddddddddd', numbers, 17)
  local made, fulls, new = now - age, 0, 0
  local held_bytes, held_copies, more_bytes, more_copies = 0, 0, 0, 0
  local t, k = limited > 0 and 6 or 2, 0
  for i = first + 1, last do
    local key = KEYS[i]
    local limit_bytes, limit_messages, copies = unpack_numbers('<ddd', numbers, (i - first) * 24 + 65)
    local b, n, s, rb, rn, o, f = 0, 0, -1, 0, 0, -1, -1
    local stored = call('HMGET', key, 'u', field, 'w')
    touched[touches + 1], touched[touches + 2] = key, stored[1]
    touches = touches + 2
    if stored[1] then
      b, n, s, rb, rn, o, f = unpack_numbers(kMailbox, stored[1])
    else
      new = new + 1
    end
    local since, mine, mine_copies, was_settled, found = now, 0, 0, false, nil
    if stored[2] then
      since, mine, mine_copies = unpack_numbers(kHeld, stored[2])
      was_settled = #stored[2] > held_size
    elseif f >= 0 then
      local find_in_sums = sums()
      found = find_in_sums(key, f, string.sub(field, 3))
      if found then
        since, mine, mine_copies = unpack_numbers(kHeld, found.held)
        was_settled = found.settled
      end
    end
    -- What asks again is as old as it was, until it is settled: or whoever repeats it would keep it
    -- out of all measurements. (Of what was summed up the measurements go by the youngest.)
    local dated = made
    if stored[2] and settled == 0 then dated = math.min(since, made) end
    rb, rn = max(rb - mine, 0), max(rn - mine_copies, 0)
    -- What is settled is not for an unsettled size to change, and what is told late may have been
    -- measured since.
    local stays = (was_settled and settled == 0) or
                  (age > 0 and not stored[2] and not found and s <= ahead and made < s - grace)
    local full = not stays and
                 ((limit_bytes > 0 and b + rb + max(size * copies, 1) > limit_bytes) or
                  (limit_messages > 0 and n + rn + copies > limit_messages))
    if full then fulls = fulls + 1 end
    held_bytes, held_copies = held_bytes + mine, held_copies + mine_copies
    more_bytes = more_bytes + (stays and mine or size * copies)
    more_copies = more_copies + (stays and mine_copies or copies)
    told[t + 1], told[t + 2], told[t + 3], told[t + 4], told[t + 5], told[t + 6], told[t + 7] =
        full and 1 or 0, b, n, rb, rn, s, stored[3] or -1
    t = t + 7
    if tells_held > 0 then
      told[t + 1], told[t + 2], told[t + 3], told[t + 4] =
          mine, mine_copies, now - since, was_settled and 1 or 0
      t = t + 4
    end
    known[k + 1], known[k + 2], known[k + 3], known[k + 4], known[k + 5], known[k + 6],
        known[k + 7], known[k + 8], known[k + 9], known[k + 10], known[k + 11], known[k + 12],
        known[k + 13] =
        key, stays, full, b, n, s, rb, rn, o, f, copies, found or false, dated
    k = k + kKnown
  end

  local rest_bytes, rest_copies = max(d_reserved - held_bytes, 0), max(d_copies - held_copies, 0)
  local domain_full = limited > 0 and
      ((domain_bytes > 0 and d_bytes + rest_bytes + max(more_bytes, 1) > domain_bytes) or
       (domain_messages > 0 and d_messages + rest_copies + more_copies > domain_messages))
  local granted = needs == 2 or
                  (not domain_full and (fulls == 0 or (needs == 1 and fulls < last - first)))
  told[1], told[2] = granted and 1 or 0, domain_full and 1 or 0
  if limited > 0 then told[3], told[4], told[5], told[6] = d_bytes, d_messages, rest_bytes, rest_copies end
  local answer = pack_told(1, t)
  if not granted or k == 0 then return answer end

  -- The domain first: where memory is short, Redis refuses the first write.
  call('SET', domain_key, pack(kDomain, d_bytes, d_messages, rest_bytes + more_bytes,
                               rest_copies + more_copies, d_mailboxes + new, max(d_newest, now),
                               math.min(d_oldest, made)) .. d_count)
  for m = 0, k - 1, kKnown do
    local key, stays, full, b, n, s, rb, rn, o, f, copies, found, dated =
        unpack(known, m + 1, m + kKnown)
    if not stays then
      if found then
        local _, take_from_sum = sums()
        take_from_sum(key, found)
      end
      rb, rn = rb + size * copies, rn + copies
      local is_oldest = o < 0 or dated < o
      if is_oldest then o = dated end
      local held = pack(kHeld, dated, size * copies, copies)
      if settled == 1 then held = held .. 's' end
      call('HSET', key, 'u', pack(kMailbox, b, n, s, rb, rn, o, f), field, held)
      if is_oldest then call('ZADD', index, dated, string.sub(key, #base + 3)) end
      if rn > most and call('HLEN', key) > most then
        local _, _, sum_up = sums()
        sum_up(key)
      end
    end
    if ends_fullness > 0 and not full then call('DEL', base .. 'f' .. string.sub(key, #base + 2)) end
  end
  if d_count ~= '' then count_touched() end
  return answer
end

local function release(first, last, numbers, field)
  open_domain(KEYS[first])
  if d_newest > ahead or d_oldest < dead then tend() end
  local everything, age = unpack_numbers('<dd', numbers, 17)
  for i = first + 1, last do
    local key = KEYS[i]
    local stored = call('HMGET', key, 'u', field)
    touched[touches + 1], touched[touches + 2] = key, stored[1]
    touches = touches + 2
    local held, was_settled, found = stored[2], false, nil
    local b, n, s, rb, rn, o, f = 0, 0, -1, 0, 0, -1, -1
    if stored[1] then b, n, s, rb, rn, o, f = unpack_numbers(kMailbox, stored[1]) end
    if held then
      was_settled = #held > held_size
    elseif f >= 0 then
      local find_in_sums = sums()
      found = find_in_sums(key, f, string.sub(field, 3))
      if found then held, was_settled = found.held, found.settled end
    end
    local made, bytes, copies = 0, 0, 0
    if held then made, bytes, copies = unpack_numbers(kHeld, held) end
    if held and not (was_settled and (everything == 0 or (age > 0 and made > now - age))) then
      bytes, copies = math.min(bytes, rb), math.min(copies, rn)
      d_reserved, d_copies = max(d_reserved - bytes, 0), max(d_copies - copies, 0)
      rb, rn = rb - bytes, rn - copies
      local is_known = s >= 0 or rn > 0
      if not is_known then d_mailboxes = d_mailboxes - 1 end
      -- The domain first: where memory is short, Redis refuses the first write.
      save_domain()
      if found then
        local _, take_from_sum = sums()
        take_from_sum(key, found)
      elseif is_known then
        call('HDEL', key, field)
      end
      if rn == 0 then
        if o >= 0 then call('ZREM', index, string.sub(key, #base + 3)) end
        o, f = -1, -1
      end
      if is_known then
        call('HSET', key, 'u', pack(kMailbox, b, n, s, rb, rn, o, f))
      else
        call('DEL', key)
      end
    end
  end
  if d_count ~= '' and touches > 0 then count_touched() end
  return ''
end

local answers, first = {}, 1
for i = 2, #ARGV, 2 do
  local numbers = ARGV[i]
  local mailboxes, is_made = unpack_numbers('<dd', numbers)
  local last = first + mailboxes
  local is_done, answer = pcall(is_made == 1 and reserve or release, first, last, numbers, ARGV[i + 1])
  if not is_done then
    answer = {err = type(answer) == 'table' and answer.err or answer}
    pcall(mending())
  end
  answers[#answers + 1] = answer
  first = last + 1
end
return answers
)lua";

}  // namespace policyd::usage::redis_script_parts

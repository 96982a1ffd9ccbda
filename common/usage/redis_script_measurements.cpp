#include "common/usage/redis_script_parts.hpp"

namespace policyd::usage::redis_script_parts {

const char* const kCommit = R"lua(
local grace, tells = unpack_numbers('<dd', ARGV[1], 17)

local function commit(first, last, figures)
  -- Of this domain alone: what one that fails was about to write is not for the next.
  local read, drop_older, save, write, flush
  open_domain(KEYS[first])
  if d_newest > ahead or d_oldest < dead then tend() end
  local told = {}
  -- Mailboxes that lose no reservation are most of them: their keys and new records, one after the other.
  local plain, count = {}, 0
  -- Only where something stays reserved does it matter when the measurement was stored.
  local reserved = {}
  for i = first + 1, last do
    local key = KEYS[i]
    local began, bytes, messages = unpack_numbers('<ddd', figures, (i - first) * 24 - 23)
    local b, n, s, rb, rn, o, f = 0, 0, -1, 0, 0, -1, -1
    local record = call('HGET', key, 'u')
    if record then b, n, s, rb, rn, o, f = unpack_numbers(kMailbox, record) end
    -- A measurement, or what is stored of one, from before the clock was set back.
    local is_misdated = began > ahead
    told[i - first] = '0'
    if s < 0 or s > ahead or (not is_misdated and began > s) then
      local since = is_misdated and now or began
      local loses = not is_misdated and o >= 0 and o < began - grace
      if loses or (rn == 0 and o >= 0) then
        if not read then read, drop_older, save, write, flush = changes() end
        local m = read(key)
        m.b, m.n, m.s = bytes, messages, since
        if loses then drop_older(m, began - grace) end
        save(m)
        if m.rn > 0 then write('HSET', key, 'c', pack('<d', now)) end
      else
        touched[touches + 1], touched[touches + 2] = key, record
        touches = touches + 2
        d_bytes, d_messages = max(d_bytes + bytes - b, 0), max(d_messages + messages - n, 0)
        if not record then d_mailboxes = d_mailboxes + 1 end
        plain[count + 1], plain[count + 2] = key, pack(kMailbox, bytes, messages, since, rb, rn, o, rn > 0 and f or -1)
        count = count + 2
        if rn > 0 then reserved[#reserved + 1] = key end
      end
      if tells > 0 then
        local is_news = bytes ~= b or messages ~= n
        if not is_news then
          local warned = call('HGET', key, 'w')
          is_news = not warned or (o >= 0 and warned ~= '0')
        end
        if is_news then told[i - first] = '1' end
      end
    end
  end
  if count > 0 then
    save_domain()
    for i = 1, count, 2 do call('HSET', plain[i], 'u', plain[i + 1]) end
    for _, key in ipairs(reserved) do call('HSET', key, 'c', pack('<d', now)) end
  end
  if flush then flush() end
  if d_count ~= '' and touches > 0 then count_touched() end
  return table.concat(told)
end

local answers, first = {}, 1
for i = 2, #ARGV do
  local last = first + #ARGV[i] / 24
  local is_done, answer = pcall(commit, first, last, ARGV[i])
  if not is_done then
    answer = {err = type(answer) == 'table' and answer.err or answer}
    pcall(mending())
  end
  answers[i - 1] = answer
  first = last + 1
end
return answers
)lua";

const char* const kRemove = R"lua(
for i = 2, #KEYS do
  local m = read(KEYS[i])
  if m.exists then
    if m.f >= 0 then
      local _, _, _, mark_key = sums()
      write('DEL', mark_key(m.key, m.f, 0), mark_key(m.key, m.f, 1))
    end
    m.b, m.n, m.s, m.rb, m.rn = 0, 0, -1, 0, 0
    save(m)
  end
  write('DEL', base .. 'f' .. string.sub(m.key, #base + 2))
end
flush()
if d_count ~= '' and touches > 0 then count_touched() end
return 1
)lua";

const char* const kAbsent = R"lua(
local looked, grace = unpack_numbers('<dd', ARGV[1], 17)
if looked > ahead then return 1 end
for i = 2, #KEYS do
  local m = read(KEYS[i])
  if m.s < 0 and m.o >= 0 and m.o < looked - grace then
    drop_older(m, looked - grace)
    save(m)
  end
end
flush()
if d_count ~= '' and touches > 0 then count_touched() end
return 1
)lua";

const char* const kDomain = R"lua(
return struct.pack('<ddddd', d_mailboxes, d_bytes, d_messages, d_reserved, d_copies)
)lua";

const char* const kBeginCount = R"lua(
local counted = base .. 'n'
d_count = string.sub(ARGV[1], 17)
save_domain()
call('DEL', counted)
call('HSET', counted, 's', pack('<ddddd', 0, 0, 0, 0, 0))
call('PEXPIRE', counted, 3600000)
return ''
)lua";

const char* const kCountMailboxes = R"lua(
if d_count ~= string.sub(ARGV[1], 17) then return '' end
local listed = {}
for i = 2, #KEYS do
  local record = call('HGET', KEYS[i], 'u')
  if record then
    touched[touches + 1], touched[touches + 2] = KEYS[i], record
    touches = touches + 2
    local _, _, _, _, _, o = unpack_numbers(kMailbox, record)
    if o >= 0 then
      d_oldest = math.min(d_oldest, o)
      listed[#listed + 1] = {o, string.sub(KEYS[i], #base + 3)}
    end
  end
end
save_domain()
-- The list may have been lost as well.
for _, entry in ipairs(listed) do call('ZADD', index, entry[1], entry[2]) end
count_touched()
return ''
)lua";

const char* const kEndCount = R"lua(
local counted = base .. 'n'
local stored = d_count == string.sub(ARGV[1], 17) and call('HGET', counted, 's')
if not stored then return pack('<d', -1) end
local bytes, messages, reserved, copies, mailboxes = unpack_numbers('<ddddd', stored)
local is_wrong = d_bytes ~= bytes or d_messages ~= messages or d_reserved ~= reserved or
                 d_copies ~= copies or d_mailboxes ~= mailboxes
d_bytes, d_messages, d_reserved, d_copies, d_mailboxes = bytes, messages, reserved, copies, mailboxes
d_count = ''
save_domain()
call('DEL', counted)
return pack('<d', is_wrong and 1 or 0)
)lua";

}  // namespace policyd::usage::redis_script_parts

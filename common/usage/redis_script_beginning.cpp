#include "common/usage/redis_script_parts.hpp"

namespace policyd::usage::redis_script_parts {

const char* const kBegin = R"lua(
local call, pack, unpack_numbers, max = redis.call, struct.pack, struct.unpack, math.max
local now, life = unpack_numbers('<dd', ARGV[1])
if now < 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- A time after this is not of our clock: the clock has been set back since.
local ahead, dead = now + 1000, now - life

-- The domain: measured bytes and messages, reserved bytes and copies, mailboxes known, the newest
-- time seen, and a time than which no reservation is older.
local kDomain = '<ddddddd'
local domain_key, base, index
-- For mend_books(): the domain's record as it was found, and mailboxes that may have been changed
-- since, each with the record that was found of it.
local domain_record, touched, touches = nil, {}, 0
local d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest
-- While its mailboxes are counted anew: what the record ends with, the number of that count.
local d_count
local function open_domain(key)
  domain_key, touches = nil, 0  -- until it is open
  local record = call('GET', key)
  if record then
    d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest = unpack_numbers(kDomain, record)
    d_count = string.sub(record, 57)
  else
    d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest = 0, 0, 0, 0, 0, 0, now
    d_count = ''
  end
  domain_key, domain_record, base = key, record, string.sub(key, 1, -2)
  index = base .. 'r'
end

local function save_domain()
  if d_mailboxes <= 0 and d_count == '' then
    call('DEL', domain_key)
  else
    d_newest = max(d_newest, now)
    call('SET', domain_key, pack(kDomain, d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest) .. d_count)
  end
end

-- A mailbox: measured bytes and messages, when measuring them began or -1, reserved bytes and
-- copies, a time than which no reservation is older or -1, and when some were last summed up or -1.
local kMailbox = '<ddddddd'
-- A reservation: when it was made, its bytes and its copies; one more byte where it is settled.
local kHeld = '<ddd'
local held_size = 24
)lua";

const char* const kMend = R"lua(
-- Where a command was refused after others had been carried out: a user who may not use it.
local function mend_books()
  if not domain_key or touches == 0 then return end
  local has_changed = redis.call('GET', domain_key) ~= domain_record
  if domain_record then
    d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest = unpack_numbers(kDomain, domain_record)
  else
    d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest = 0, 0, 0, 0, 0, 0, now
  end
  local function figures(record)
    if not record then return 0, 0, 0, 0, 0, -1 end
    local b, n, s, rb, rn, o = unpack_numbers(kMailbox, record)
    return 1, b, n, rb, rn, o
  end
  for i = 1, touches, 2 do
    local was, was_b, was_n, was_rb, was_rn = figures(touched[i + 1])
    local record = redis.call('HGET', touched[i], 'u')
    has_changed = has_changed or record ~= touched[i + 1]
    local is, b, n, rb, rn, o = figures(record)
    d_bytes, d_messages = max(d_bytes + b - was_b, 0), max(d_messages + n - was_n, 0)
    d_reserved, d_copies = max(d_reserved + rb - was_rb, 0), max(d_copies + rn - was_rn, 0)
    d_mailboxes = d_mailboxes + is - was
    if o >= 0 then d_oldest = math.min(d_oldest, o) end
  end
  if not has_changed then return end
  d_count = ''  -- given up: who has counted what is no longer known
  save_domain()
end
)lua";

const char* const kCount = R"lua(
-- Mailboxes that were touched are counted: as they are now, or, where they had been counted before,
-- by what has changed.
local counted = base .. 'n'
local stored = redis.call('HGET', counted, 's')
if not stored then  -- whoever began it is gone
  d_count = ''
  save_domain()
  return
end
local bytes, messages, reserved, copies, mailboxes = struct.unpack('<ddddd', stored)
local function add(record, sign)
  if not record then return end
  local b, n, _, rb, rn = struct.unpack(kMailbox, record)
  bytes, messages = bytes + sign * b, messages + sign * n
  reserved, copies = reserved + sign * rb, copies + sign * rn
  mailboxes = mailboxes + sign
end
for i = 1, touches, 2 do
  local name = string.sub(touched[i], #base + 1)
  if redis.call('HGET', counted, name) then
    add(touched[i + 1], -1)
  else
    redis.call('HSET', counted, name, '')
  end
  add(redis.call('HGET', touched[i], 'u'), 1)
end
redis.call('HSET', counted, 's', struct.pack('<ddddd', bytes, messages, reserved, copies, mailboxes))
)lua";

const char* const kSums = R"lua(
local generation = 600000

-- `folded`: when the mailbox was last summed up, which is later than now where the clock was set
-- back since.
local function mark_key(key, folded, age)
  return string.format('%si:%.0f:%s', base, math.floor(math.max(now, folded) / generation) - age,
                       string.sub(key, #base + 3))
end

-- Where the reservation of a message went: its mark, the sum that it is in, and itself.
local function find_in_sums(key, folded, id)
  if folded < 0 or now - folded > 2 * generation then return nil end
  for age = 0, 1 do
    local marks = mark_key(key, folded, age)
    local mark = redis.call('HGET', marks, id)
    if mark then
      local held, sum = string.sub(mark, 1, held_size), string.sub(mark, held_size + 2)
      local total = redis.call('HGET', key, sum)
      if total then
        return {mark_key = marks, id = id, sum = sum, total = total, held = held,
                settled = string.sub(mark, held_size + 1, held_size + 1) == 's'}
      end
    end
  end
end

-- Takes what find_in_sums() found out of its sum.
local function take_from_sum(key, found)
  local made, bytes, copies = struct.unpack(kHeld, found.total)
  local _, less_bytes, less_copies = struct.unpack(kHeld, found.held)
  call('HDEL', found.mark_key, found.id)
  if copies > less_copies then
    call('HSET', key, found.sum,
         struct.pack(kHeld, made, math.max(bytes - less_bytes, 0), copies - less_copies))
  else
    call('HDEL', key, found.sum)
  end
end

-- Sums up what is kept one by one, and leaves marks by which a message that is repeated is known: by
-- the minute, and what is older than marks become by the hour, so that there are less than a hundred
-- sums: to read them all again is worth it for hundreds of new ones alone. A sum that was dropped has
-- a name that does not come again, since marks may still have it.
local function sum_up(key)
  local fields = redis.call('HGETALL', key)
  local have = {}
  for i = 1, #fields, 2 do have[fields[i]] = fields[i + 1] end

  local sums, marks, gone = {}, {}, {}
  local function move(field, sum)
    local made, bytes, copies = struct.unpack(kHeld, have[field])
    local s = sums[sum]
    if not s then
      s = have[sum] and {struct.unpack(kHeld, have[sum])} or {0, 0, 0}
      sums[sum] = s
    end
    s[1], s[2], s[3] = math.max(s[1], made), s[2] + bytes, s[3] + copies
    gone[#gone + 1] = field
  end
  local this_minute, names = math.floor(now / 60000), {}
  for field in pairs(have) do
    local hour = string.match(field, '^r~h(%d+)')
    local at, minute = string.match(field, '^r~(%d+)%.(%d+)$')
    if hour then names['h' .. hour] = field end
    if at and math.floor(at / 60000) == this_minute then names[minute] = field end
  end
  local function of_hour(made)
    local hour = string.format('h%.0f', math.floor(made / 3600000))
    names[hour] = names[hour] or string.format('r~%s.%.0f', hour, now)
    return names[hour]
  end
  local function of_minute(made)
    local minute = string.format('%.0f', math.floor(made / 60000))
    names[minute] = names[minute] or string.format('r~%.0f.%s', now, minute)
    return names[minute]
  end
  for i = 1, #fields, 2 do
    local field = fields[i]
    local folded = tonumber(string.match(field, '^r~(%d+)%.'))
    if string.sub(field, 1, 2) == 'r:' then
      local made = struct.unpack(kHeld, fields[i + 1])
      local sum = made > now - 2 * generation and of_minute(made) or of_hour(made)
      move(field, sum)
      marks[#marks + 1] = string.sub(field, 3)
      marks[#marks + 1] = fields[i + 1] .. (#fields[i + 1] > held_size and '' or '-') .. sum
    elseif folded and folded < now - 2 * generation then
      local made = struct.unpack(kHeld, fields[i + 1])
      move(field, of_hour(made))
    end
  end
  local b, n, s, rb, rn, o, f = struct.unpack(kMailbox, have['u'])
  local folded = math.max(now, f)
  local changes = {'HSET', key, 'u', struct.pack(kMailbox, b, n, s, rb, rn, o, folded)}
  for sum, values in pairs(sums) do
    changes[#changes + 1] = sum
    changes[#changes + 1] = struct.pack(kHeld, values[1], values[2], values[3])
  end
  redis.call(unpack(changes))
  redis.call('HDEL', key, unpack(gone))
  local to = mark_key(key, folded, 0)
  local is_new = redis.call('HLEN', to) == 0
  redis.call('HSET', to, unpack(marks))
  -- Once: under a clock that was set back it would be put off for ever.
  if is_new then redis.call('PEXPIRE', to, 2 * generation) end
end
)lua";

const char* const kChanges = R"lua(
local writes = {}
local function write(...)
  writes[#writes + 1] = {...}
end

local function write_all()
  save_domain()
  for _, command in ipairs(writes) do redis.call(unpack(command)) end
end

local function flush()
  if #writes == 0 then return end
  local is_done, failure = pcall(write_all)
  if not is_done then
    pcall(mending())
    -- As Redis said it: before a text it puts another word than the one that errors are known by.
    error(type(failure) == 'table' and failure or {err = failure}, 0)
  end
  writes = {}
end

local function is_reservation(field)
  local kind = string.sub(field, 1, 2)
  return kind == 'r:' or kind == 'r~'
end

local function read(key)
  local m = {key = key, b = 0, n = 0, s = -1, rb = 0, rn = 0, o = -1, f = -1}
  local record = redis.call('HGET', key, 'u')
  if record then
    m.b, m.n, m.s, m.rb, m.rn, m.o, m.f = struct.unpack(kMailbox, record)
    m.exists = true
  end
  m.record = record
  m.was = {b = m.b, n = m.n, rb = m.rb, rn = m.rn, o = m.o}
  return m
end

-- Drops what was reserved before `cut`.
local function drop_older(m, cut)
  local fields = redis.call('HGETALL', m.key)
  local gone = {'HDEL', m.key}
  m.rb, m.rn, m.o = 0, 0, -1
  for i = 1, #fields, 2 do
    if is_reservation(fields[i]) then
      local made, bytes, copies = struct.unpack(kHeld, fields[i + 1])
      if made < cut then
        gone[#gone + 1] = fields[i]
      else
        m.rb, m.rn = m.rb + bytes, m.rn + copies
        if m.o < 0 or made < m.o then m.o = made end
      end
    end
  end
  if #gone > 2 then write(unpack(gone)) end
end

-- Writes a mailbox, and counts the difference in its domain. A mailbox of which nothing is known
-- any more leaves nothing behind.
local function save(m)
  touched[touches + 1], touched[touches + 2] = m.key, m.record
  touches = touches + 2
  local was = m.was
  d_bytes, d_messages = math.max(d_bytes + m.b - was.b, 0), math.max(d_messages + m.n - was.n, 0)
  d_reserved, d_copies = math.max(d_reserved + m.rb - was.rb, 0), math.max(d_copies + m.rn - was.rn, 0)
  if m.rn == 0 then m.o, m.f = -1, -1 end
  local exists = m.s >= 0 or m.rn > 0
  if exists and not m.exists then d_mailboxes = d_mailboxes + 1 end
  if m.exists and not exists then d_mailboxes = d_mailboxes - 1 end
  if exists then
    write('HSET', m.key, 'u', struct.pack(kMailbox, m.b, m.n, m.s, m.rb, m.rn, m.o, m.f))
  else
    write('DEL', m.key)
  end
  -- Of one that was lost the list has an entry still.
  if m.o == was.o and m.exists then return end
  if m.o >= 0 then
    d_oldest = math.min(d_oldest, m.o)
    write('ZADD', index, m.o, string.sub(m.key, #base + 3))
  else
    write('ZREM', index, string.sub(m.key, #base + 3))
  end
end
)lua";

const char* const kTend = R"lua(
-- The clock was set back: what was reserved after now was reserved now.
local function date_anew()
  if d_newest <= ahead then return end
  -- What is dated a little after now stays, and is looked at again where the clock goes back further.
  local newest = now
  for _, name in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local key = base .. 'm:' .. name
    local fields = redis.call('HGETALL', key)
    local oldest, record = -1, nil
    local changes = {'HSET', key}
    for i = 1, #fields, 2 do
      if fields[i] == 'u' then record = fields[i + 1] end
      if is_reservation(fields[i]) then
        local made, bytes, copies = struct.unpack(kHeld, fields[i + 1])
        if made > ahead then
          -- Of a sum some may have been made a little after now.
          made = string.sub(fields[i], 1, 2) == 'r~' and ahead or now
          changes[#changes + 1] = fields[i]
          changes[#changes + 1] =
              struct.pack(kHeld, made, bytes, copies) .. string.sub(fields[i + 1], held_size + 1)
        end
        if oldest < 0 or made < oldest then oldest = made end
        newest = max(newest, made)
      end
    end
    if #changes > 2 then
      local b, n, s, rb, rn, _, f = struct.unpack(kMailbox, record)
      changes[#changes + 1] = 'u'
      changes[#changes + 1] = struct.pack(kMailbox, b, n, s, rb, rn, oldest, f)
      redis.call(unpack(changes))
      redis.call('ZADD', index, oldest, name)
      d_oldest = math.min(d_oldest, oldest)
    end
  end
  d_newest = newest
  if d_mailboxes > 0 then
    redis.call('SET', domain_key, struct.pack(kDomain, d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest) .. d_count)
  end
end

-- Drops what was reserved so long ago that nobody will measure it any more, in all the domain.
local function expire()
  if d_oldest >= dead then return end
  local names = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. string.format('%.0f', dead),
                           'LIMIT', 0, 1000)
  for _, name in ipairs(names) do
    local m = read(base .. 'm:' .. name)
    drop_older(m, dead)
    save(m)
  end
  if #names < 1000 then d_oldest = dead end
  flush()
  if d_count ~= '' and touches > 0 then count_touched() end
  domain_record, touches = call('GET', domain_key), 0
end

date_anew()
expire()
)lua";

}  // namespace policyd::usage::redis_script_parts

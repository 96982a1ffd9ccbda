#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

/// What all scripts begin with: the time, and the totals of a domain. Records are numbers packed as
/// doubles, which Lua takes apart several times faster than text.
constexpr const char* kBegin = R"lua(
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
local d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest
local function open_domain(key)
  domain_key, base = key, string.sub(key, 1, -2)
  index = base .. 'r'
  local record = call('GET', key)
  if record then
    d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest = unpack_numbers(kDomain, record)
  else
    d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest = 0, 0, 0, 0, 0, 0, now
  end
end

local function save_domain()
  if d_mailboxes <= 0 then
    call('DEL', domain_key)
  else
    d_newest = max(d_newest, now)
    call('SET', domain_key, pack(kDomain, d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest))
  end
end

-- A mailbox: measured bytes and messages, when measuring them began or -1, reserved bytes and
-- copies, a time than which no reservation is older or -1, and when some were last summed up or -1.
local kMailbox = '<ddddddd'
-- A reservation: when it was made, its bytes and its copies; one more byte where it is settled.
local kHeld = '<ddd'
local held_size = 24
)lua";

/// How a mailbox keeps sums of many reservations, and finds one of them again.
constexpr const char* kSums = R"lua(
local generation = 600000

local function mark_key(key, age)
  return string.format('%si:%.0f:%s', base, math.floor(now / generation) - age,
                       string.sub(key, #base + 3))
end

-- Where the reservation of a message went: its mark, the sum that it is in, and itself.
local function find_in_sums(key, folded, id)
  if folded < 0 or now - folded > 2 * generation then return nil end
  for age = 0, 1 do
    local mark = redis.call('HGET', mark_key(key, age), id)
    if mark then
      local held, sum = string.sub(mark, 1, held_size), string.sub(mark, held_size + 2)
      local total = redis.call('HGET', key, sum)
      if total then
        return {mark_key = mark_key(key, age), id = id, sum = sum, total = total, held = held,
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

-- Sums up by the minute what is kept one by one, and leaves marks by which a message that is
-- repeated is known. Sums so old that their marks are gone are summed up by the hour.
local function sum_up(key, most)
  local fields = redis.call('HGETALL', key)
  local have, count = {}, 0
  for i = 1, #fields, 2 do
    have[fields[i]] = fields[i + 1]
    if string.sub(fields[i], 1, 2) == 'r:' then count = count + 1 end
  end
  if count <= most then return end

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
  for i = 1, #fields, 2 do
    local field = fields[i]
    local folded = tonumber(string.match(field, '^r~(%d+)%.'))
    if string.sub(field, 1, 2) == 'r:' then
      local made = struct.unpack(kHeld, fields[i + 1])
      local sum = string.format('r~%.0f.%.0f', now, math.floor(made / 60000))
      move(field, sum)
      marks[#marks + 1] = string.sub(field, 3)
      marks[#marks + 1] = fields[i + 1] .. (#fields[i + 1] > held_size and '' or '-') .. sum
    elseif folded and folded < now - 2 * generation then
      local made = struct.unpack(kHeld, fields[i + 1])
      move(field, string.format('r~h%.0f', math.floor(made / 3600000)))
    end
  end
  local b, n, s, rb, rn, o = struct.unpack(kMailbox, have['u'])
  local changes = {'HSET', key, 'u', struct.pack(kMailbox, b, n, s, rb, rn, o, now)}
  for sum, values in pairs(sums) do
    changes[#changes + 1] = sum
    changes[#changes + 1] = struct.pack(kHeld, values[1], values[2], values[3])
  end
  redis.call(unpack(changes))
  redis.call('HDEL', key, unpack(gone))
  redis.call('HSET', mark_key(key, 0), unpack(marks))
  redis.call('PEXPIRE', mark_key(key, 0), 2 * generation)
end
)lua";

/// Changes of mailboxes are collected, and written with the domain's totals first: where memory is
/// short, Redis refuses that first write, and nothing is left half done.
constexpr const char* kChanges = R"lua(
local writes = {}
local function write(...)
  writes[#writes + 1] = {...}
end

local function flush()
  if #writes == 0 then return end
  save_domain()
  for _, command in ipairs(writes) do redis.call(unpack(command)) end
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
  if m.o == was.o then return end
  if m.o >= 0 then
    d_oldest = math.min(d_oldest, m.o)
    write('ZADD', index, m.o, string.sub(m.key, #base + 3))
  else
    write('ZREM', index, string.sub(m.key, #base + 3))
  end
end
)lua";

/// What has to be done before anything else when time has passed, or has gone back.
constexpr const char* kTend = R"lua(
-- The clock was set back: what was reserved after now was reserved now.
local function date_anew()
  if d_newest <= ahead then return end
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
          made = now
          changes[#changes + 1] = fields[i]
          changes[#changes + 1] =
              struct.pack(kHeld, made, bytes, copies) .. string.sub(fields[i + 1], held_size + 1)
        end
        if oldest < 0 or made < oldest then oldest = made end
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
  d_newest = now
  if d_mailboxes > 0 then
    redis.call('SET', domain_key, struct.pack(kDomain, d_bytes, d_messages, d_reserved, d_copies, d_mailboxes, d_newest, d_oldest))
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
end

date_anew()
expire()
)lua";

/// Makes and gives back any number of reservations, each in one domain: KEYS has for each of them
/// the key of the domain and then those of its mailboxes. ARGV[1] goes on with how many
/// reservations a mailbox keeps one by one. Then there are two arguments for each: its numbers and
/// the field that it is in. The numbers begin with how many mailboxes it has and whether it is made
/// (1) or given back (0).
///
/// Of one that is made there follow the bytes of one copy, how long ago it was accepted, which
/// mailboxes must have room (0: all, 1: any, 2: none), whether it is settled (0: no, 1: yes, 2: no
/// more), whether it ends fullness, whether what the id held is to be told, whether the domain is
/// limited, its bytes and its messages; and for each mailbox its limits, and the copies that it
/// gets.
///
/// Of one that is given back there follow whether also what is settled goes, and how long ago it
/// was given back: what was settled since then stays.
///
/// Returns for each reservation packed numbers, or the error that stood in its way. Of one that is
/// given back there are none; of one that is made, whether it was; whether the domain is full;
/// where the domain is limited its bytes, messages, reserved bytes and copies without this message;
/// then for each mailbox whether it is full, the same four, when its measurement began or -1, and
/// the percentage last warned of or -1; where it is to be told, what the id held: bytes, copies,
/// for how long and whether it was settled.
constexpr const char* kReservations = R"lua(
local most = unpack_numbers('<d', ARGV[1], 17)

-- Of the reservation at hand: the numbers of the answer, and what is known of each mailbox. Tables
-- that are made anew, or grow, cost more than the arithmetic.
local told, known = {0, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
local kKnown = 12
local formats = {}

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
    rb, rn = max(rb - mine, 0), max(rn - mine_copies, 0)
    -- What is settled is not for an unsettled size to change.
    local stays = was_settled and settled == 0
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
          mine, mine_copies, max(now - since, 0), was_settled and 1 or 0
      t = t + 4
    end
    known[k + 1], known[k + 2], known[k + 3], known[k + 4], known[k + 5], known[k + 6],
        known[k + 7], known[k + 8], known[k + 9], known[k + 10], known[k + 11], known[k + 12] =
        key, stays, full, b, n, s, rb, rn, o, f, copies, found or false
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
  if not formats[t] then formats[t] = '<' .. string.rep('d', t) end
  local answer = pack(formats[t], unpack(told, 1, t))
  if not granted or k == 0 then return answer end

  -- The domain first: where memory is short, Redis refuses the first write.
  call('SET', domain_key, pack(kDomain, d_bytes, d_messages, rest_bytes + more_bytes,
                               rest_copies + more_copies, d_mailboxes + new, max(d_newest, now),
                               math.min(d_oldest, made)))
  for m = 0, k - 1, kKnown do
    local key, stays, full, b, n, s, rb, rn, o, f, copies, found = unpack(known, m + 1, m + kKnown)
    if not stays then
      if found then
        local _, take_from_sum = sums()
        take_from_sum(key, found)
      end
      rb, rn = rb + size * copies, rn + copies
      local is_oldest = o < 0 or made < o
      if is_oldest then o = made end
      local held = pack(kHeld, made, size * copies, copies)
      if settled == 1 then held = held .. 's' end
      call('HSET', key, 'u', pack(kMailbox, b, n, s, rb, rn, o, f), field, held)
      if is_oldest then call('ZADD', index, made, string.sub(key, #base + 3)) end
      if rn > most and call('HLEN', key) > most then
        local _, _, sum_up = sums()
        sum_up(key, most)
      end
    end
    if ends_fullness > 0 and not full then call('DEL', base .. 'f' .. string.sub(key, #base + 2)) end
  end
  return answer
end

local function release(first, last, numbers, field)
  open_domain(KEYS[first])
  if d_newest > ahead or d_oldest < dead then tend() end
  local everything, age = unpack_numbers('<dd', numbers, 17)
  for i = first + 1, last do
    local key = KEYS[i]
    local stored = call('HMGET', key, 'u', field)
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
  return ''
end

local answers, first = {}, 1
for i = 2, #ARGV, 2 do
  local numbers = ARGV[i]
  local mailboxes, is_made = unpack_numbers('<dd', numbers)
  local last = first + mailboxes
  local is_done, answer = pcall(is_made == 1 and reserve or release, first, last, numbers, ARGV[i + 1])
  if not is_done then answer = {err = type(answer) == 'table' and answer.err or answer} end
  answers[#answers + 1] = answer
  first = last + 1
end
return answers
)lua";

/// Stores the measurements of any number of domains: KEYS has for each of them its key and then
/// those of its mailboxes. ARGV[1] goes on with the grace and whether changes are to be told; then
/// there is one argument for each domain, which has for each mailbox when the measurement began,
/// its bytes and its messages. Returns for each domain a 1 for each mailbox that has changed or
/// that nobody has looked at, a 0 for each other; or the error that stood in its way.
constexpr const char* kCommit = R"lua(
local grace, tells = unpack_numbers('<dd', ARGV[1], 17)
local read, drop_older, save, write, flush

local function commit(first, last, figures)
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
        d_bytes, d_messages = max(d_bytes + bytes - b, 0), max(d_messages + messages - n, 0)
        if not record then d_mailboxes = d_mailboxes + 1 end
        plain[count + 1], plain[count + 2] = key, pack(kMailbox, bytes, messages, since, rb, rn, o, rn > 0 and f or -1)
        count = count + 2
        if rn > 0 then reserved[#reserved + 1] = key end
      end
      if tells > 0 and (bytes ~= b or messages ~= n or not call('HGET', key, 'w')) then
        told[i - first] = '1'
      end
    end
  end
  if count > 0 then
    save_domain()
    for i = 1, count, 2 do call('HSET', plain[i], 'u', plain[i + 1]) end
    for _, key in ipairs(reserved) do call('HSET', key, 'c', pack('<d', now)) end
  end
  if flush then flush() end
  return table.concat(told)
end

local answers, first = {}, 1
for i = 2, #ARGV do
  local last = first + #ARGV[i] / 24
  local is_done, answer = pcall(commit, first, last, ARGV[i])
  if not is_done then answer = {err = type(answer) == 'table' and answer.err or answer} end
  answers[i - 1] = answer
  first = last + 1
end
return answers
)lua";

constexpr const char* kRemove = R"lua(
for i = 2, #KEYS do
  local m = read(KEYS[i])
  if m.exists then
    if m.f >= 0 then
      local _, _, _, mark_key = sums()
      write('DEL', mark_key(m.key, 0), mark_key(m.key, 1))
    end
    m.b, m.n, m.s, m.rb, m.rn = 0, 0, -1, 0, 0
    save(m)
  end
  write('DEL', base .. 'f' .. string.sub(m.key, #base + 2))
end
flush()
return 1
)lua";

/// ARGV[1] goes on with the percentage last warned of, or -1, that another one is to replace, and
/// that one; -2 only looks. ARGV[2] is the id of a message that is not counted. Returns packed
/// numbers: whether the mailbox is known, the bytes that are in it at least, the percentage last
/// warned of before, whether it was replaced, and, where it only looks, the messages.
constexpr const char* kWarned = R"lua(
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

/// Returns packed numbers: the mailboxes that are known, and the sums of their bytes, messages,
/// reserved bytes and copies.
constexpr const char* kDomain = R"lua(
return struct.pack('<ddddd', d_mailboxes, d_bytes, d_messages, d_reserved, d_copies)
)lua";

/// What is seldom needed is wrapped so that Lua need not even make it ready: that is half of what a
/// script costs.
std::string Beginning() {
    std::string script = kBegin;
    script.append("local function sums()\n").append(kSums);
    script.append("return find_in_sums, take_from_sum, sum_up, mark_key\nend\n");
    script.append("local function changes()\n").append(kChanges);
    script.append("return read, drop_older, save, write, flush, is_reservation\nend\n");
    script.append("local function tend()\n");
    script.append("local read, drop_older, save, _, flush, is_reservation = changes()\n");
    return script.append(kTend).append("end\n");
}

/// What works on one domain.
std::string ScriptOfDomain(const char* body) {
    return Beginning() + "open_domain(KEYS[1])\n" +
           "if d_newest > ahead or d_oldest < dead then tend() end\n" +
           "local read, _, save, write, flush, is_reservation = changes()\n" + body;
}

}  // namespace

std::vector<std::string> RedisScripts() {
    return {Beginning() + kReservations, Beginning() + kCommit, ScriptOfDomain(kRemove),
            ScriptOfDomain(kDomain), ScriptOfDomain(kWarned)};
}

}  // namespace policyd::usage

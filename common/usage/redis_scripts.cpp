#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

/// What all scripts share: the time, the domain's totals, and mailboxes as they are read and
/// written. All changes are written at the end, the totals first: where memory is short, Redis
/// refuses that first write, and nothing is left half done.
constexpr const char* kPrelude = R"lua(
local base = string.sub(KEYS[1], 1, -2)
local index = base .. 'r'
local now, lifetime = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- A time after this is not of our clock: the clock has been set back since.
local ahead = now + 1000
local dead = now - lifetime
local generation = 600000

local function number(text)
  return tonumber(text) or 0
end

-- '..' would write large numbers with an exponent.
local function entry(made, bytes, copies)
  return string.format('%.0f:%.0f:%.0f', made, bytes, copies)
end

local function parts(text)
  local made, bytes, copies = string.match(text, '^(%d+):(%d+):(%d+)$')
  return number(made), number(bytes), number(copies)
end

local function local_part(key)
  return string.sub(key, #base + 3)
end

local stored = redis.call('HMGET', KEYS[1], 'b', 'n', 'rb', 'rn', 'c', 't', 'o')
local domain = {b = number(stored[1]), n = number(stored[2]), rb = number(stored[3]),
                rn = number(stored[4]), c = number(stored[5]), t = number(stored[6]),
                o = tonumber(stored[7]) or now}

local writes = {}
local function write(...)
  writes[#writes + 1] = {...}
end

local function flush()
  if #writes == 0 then return end
  if domain.c <= 0 then
    redis.call('DEL', KEYS[1])
  else
    domain.t = math.max(domain.t, now)
    redis.call('HSET', KEYS[1], 'b', domain.b, 'n', domain.n, 'rb', domain.rb, 'rn', domain.rn,
               'c', domain.c, 't', domain.t, 'o', domain.o)
  end
  for _, command in ipairs(writes) do redis.call(unpack(command)) end
  writes = {}
end

-- A mailbox, with what the message `id` holds in it.
local function read(key, id)
  local v = redis.call('HMGET', key, 'b', 'n', 's', 'rb', 'rn', 'o', 'f', 'r:' .. id)
  local m = {key = key, b = number(v[1]), n = number(v[2]), s = tonumber(v[3]), rb = number(v[4]),
             rn = number(v[5]), o = tonumber(v[6]), f = tonumber(v[7]), mine = v[8]}
  m.was = {b = m.b, n = m.n, rb = m.rb, rn = m.rn, o = m.o, exists = m.s or m.rn > 0}
  return m
end

local function is_reservation(field)
  local kind = string.sub(field, 1, 2)
  return kind == 'r:' or kind == 'r~'
end

-- Drops what was reserved before `cut`.
local function drop_older(m, cut)
  local fields = redis.call('HGETALL', m.key)
  local gone = {'HDEL', m.key}
  m.rb, m.rn, m.o = 0, 0, nil
  for i = 1, #fields, 2 do
    if is_reservation(fields[i]) then
      local made, bytes, copies = parts(fields[i + 1])
      if made < cut then
        gone[#gone + 1] = fields[i]
      else
        m.rb, m.rn = m.rb + bytes, m.rn + copies
        m.o = math.min(m.o or made, made)
      end
    end
  end
  if #gone > 2 then write(unpack(gone)) end
end

local function mark_key(m, age)
  local number_of = math.floor(now / generation) - age
  return base .. 'i:' .. string.format('%.0f', number_of) .. ':' .. local_part(m.key)
end

-- Where a reservation went that was folded: its mark, and its sum.
local function find_folded(m, id)
  if not m.f or now - m.f > 2 * generation then return nil end
  for age = 0, 1 do
    local key = mark_key(m, age)
    local mark = redis.call('HGET', key, id)
    if mark then
      local sum, amount = string.match(mark, '^(%S+) (%S+)$')
      local total = redis.call('HGET', m.key, sum)
      if total then return {mark_key = key, sum = sum, total = total, amount = amount} end
    end
  end
end

-- What `id` holds: bytes, copies, and when they were reserved.
local function held(m, id)
  if not m.mine then m.folded = find_folded(m, id) end
  local amount = m.mine or (m.folded and m.folded.amount)
  if not amount then return 0, 0, now end
  local made, bytes, copies = parts(amount)
  return bytes, copies, made
end

-- Takes away what held() found.
local function give_back(m, id, bytes, copies)
  m.rb, m.rn = math.max(m.rb - bytes, 0), math.max(m.rn - copies, 0)
  if m.mine then
    write('HDEL', m.key, 'r:' .. id)
  elseif m.folded then
    local made, sum, count = parts(m.folded.total)
    write('HDEL', m.folded.mark_key, id)
    if count > copies then
      write('HSET', m.key, m.folded.sum, entry(made, math.max(sum - bytes, 0), count - copies))
    else
      write('HDEL', m.key, m.folded.sum)
    end
  end
end

-- Writes a mailbox, and counts the difference in its domain. A mailbox of which nothing is known
-- any more leaves nothing behind.
local function save(m, ...)
  local exists = m.s or m.rn > 0
  domain.b, domain.n = math.max(domain.b + m.b - m.was.b, 0), math.max(domain.n + m.n - m.was.n, 0)
  domain.rb = math.max(domain.rb + m.rb - m.was.rb, 0)
  domain.rn = math.max(domain.rn + m.rn - m.was.rn, 0)
  if exists and not m.was.exists then domain.c = domain.c + 1 end
  if m.was.exists and not exists then domain.c = domain.c - 1 end
  if m.rn == 0 then m.o = nil end
  if not exists then
    write('DEL', m.key)
  elseif m.rn > 0 then
    write('HSET', m.key, 'rb', m.rb, 'rn', m.rn, 'o', m.o or now, ...)
  else
    if select('#', ...) > 0 then write('HSET', m.key, ...) end
    if m.was.rn > 0 then write('HDEL', m.key, 'rb', 'rn', 'o', 'f') end
  end
  if m.o ~= m.was.o then
    if m.o then
      domain.o = math.min(domain.o, m.o)
      write('ZADD', index, m.o, local_part(m.key))
    else
      write('ZREM', index, local_part(m.key))
    end
  end
end

-- The clock was set back: what was reserved after now was reserved now.
local function date_anew()
  if domain.t <= ahead then return end
  for _, name in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local key = base .. 'm:' .. name
    local fields = redis.call('HGETALL', key)
    local oldest = nil
    local changes = {'HSET', key}
    for i = 1, #fields, 2 do
      if is_reservation(fields[i]) then
        local made, bytes, copies = parts(fields[i + 1])
        if made > ahead then
          made = now
          changes[#changes + 1] = fields[i]
          changes[#changes + 1] = entry(made, bytes, copies)
        end
        oldest = math.min(oldest or made, made)
      end
    end
    if #changes > 2 then
      redis.call(unpack(changes))
      redis.call('HSET', key, 'o', oldest)
      redis.call('ZADD', index, oldest, name)
    end
  end
  domain.t = now
  if domain.c > 0 then redis.call('HSET', KEYS[1], 't', now) end
end

-- Drops what was reserved so long ago that nobody will measure it any more, in all the domain.
local function expire()
  if domain.o >= dead then return end
  local names = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. string.format('%.0f', dead),
                           'LIMIT', 0, 1000)
  for _, name in ipairs(names) do
    local m = read(base .. 'm:' .. name, '')
    drop_older(m, dead)
    save(m)
  end
  if #names < 1000 then domain.o = dead end
  flush()
end

date_anew()
expire()
)lua";

/// ARGV: 3 id, 4 bytes of one copy, 5 whether to reserve without room, 6 how long ago it was
/// accepted, 7 how many reservations a mailbox keeps one by one, 8 whether the domain is limited,
/// 9 its bytes, 10 its messages; then for each mailbox its limit in bytes, in messages, and the
/// copies that it gets.
/// Returns: whether it was reserved; whether the domain is full; the domain's bytes, messages,
/// reserved bytes and copies without this message; then for each mailbox whether it is full, the
/// same four, when its measurement began or -1, and what the id held: bytes, copies, and for how
/// long.
constexpr const char* kReserve = R"lua(
local id, size, force, made = ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1', now - ARGV[6]
local cap, domain_limited = tonumber(ARGV[7]), ARGV[8] == '1'

local function fits(limit, used, more)
  return limit == 0 or used + more <= limit
end

-- Sums up by the minute what is kept one by one, and leaves marks by which a message that is
-- repeated is known. Sums so old that their marks are gone are summed up by the hour.
local function fold(m)
  local fields = redis.call('HGETALL', m.key)
  local have, count = {}, 0
  for i = 1, #fields, 2 do
    have[fields[i]] = fields[i + 1]
    if string.sub(fields[i], 1, 2) == 'r:' then count = count + 1 end
  end
  if count <= cap then return end

  local sums, marks, gone = {}, {}, {}
  local function move(field, sum)
    local made, bytes, copies = parts(have[field])
    local s = sums[sum] or {parts(have[sum] or '0:0:0')}
    sums[sum] = {math.max(s[1], made), s[2] + bytes, s[3] + copies}
    gone[#gone + 1] = field
  end
  for i = 1, #fields, 2 do
    local field = fields[i]
    local made = parts(fields[i + 1])
    local folded = tonumber(string.match(field, '^r~(%d+)%.'))
    if string.sub(field, 1, 2) == 'r:' then
      local sum = string.format('r~%.0f.%.0f', now, math.floor(made / 60000))
      move(field, sum)
      marks[#marks + 1] = string.sub(field, 3)
      marks[#marks + 1] = sum .. ' ' .. fields[i + 1]
    elseif folded and folded < now - 2 * generation then
      move(field, string.format('r~h%.0f', math.floor(made / 3600000)))
    end
  end
  local changes = {'HSET', m.key, 'f', now}
  for sum, values in pairs(sums) do
    changes[#changes + 1] = sum
    changes[#changes + 1] = entry(unpack(values))
  end
  redis.call(unpack(changes))
  redis.call('HDEL', m.key, unpack(gone))
  redis.call('HSET', mark_key(m, 0), unpack(marks))
  redis.call('PEXPIRE', mark_key(m, 0), 2 * generation)
end

local mailboxes, refused = {}, false
local held_bytes, held_copies, all_copies = 0, 0, 0
for i = 2, #KEYS do
  local at = 11 + (i - 2) * 3
  local m = read(KEYS[i], id)
  m.copies = tonumber(ARGV[at + 2])
  m.held_bytes, m.held_copies, m.held_made = held(m, id)
  m.full = not (fits(tonumber(ARGV[at]), m.b + m.rb - m.held_bytes, math.max(size * m.copies, 1))
                and fits(tonumber(ARGV[at + 1]), m.n + m.rn - m.held_copies, m.copies))
  refused = refused or m.full
  held_bytes, held_copies = held_bytes + m.held_bytes, held_copies + m.held_copies
  all_copies = all_copies + m.copies
  mailboxes[#mailboxes + 1] = m
end
local domain_full = domain_limited and not (
    fits(tonumber(ARGV[9]), domain.b + domain.rb - held_bytes, math.max(size * all_copies, 1))
    and fits(tonumber(ARGV[10]), domain.n + domain.rn - held_copies, all_copies))
local granted = force or not (refused or domain_full)

local answer = {granted and 1 or 0, domain_full and 1 or 0, domain.b, domain.n,
                math.max(domain.rb - held_bytes, 0), math.max(domain.rn - held_copies, 0)}
for _, m in ipairs(mailboxes) do
  for _, value in ipairs({m.full and 1 or 0, m.b, m.n, m.rb - m.held_bytes, m.rn - m.held_copies,
                          m.s or -1, m.held_bytes, m.held_copies, math.max(now - m.held_made, 0)}) do
    answer[#answer + 1] = value
  end
end

if granted then
  for _, m in ipairs(mailboxes) do
    if m.mine then
      m.rb, m.rn = m.rb - m.held_bytes, m.rn - m.held_copies  -- its field is written anew
    else
      give_back(m, id, m.held_bytes, m.held_copies)
    end
    m.rb, m.rn = m.rb + size * m.copies, m.rn + m.copies
    m.o = math.min(m.o or made, made)
    save(m, 'r:' .. id, entry(made, size * m.copies, m.copies))
  end
end
flush()
if granted then
  for _, m in ipairs(mailboxes) do
    if m.rn > cap and redis.call('HLEN', m.key) > cap then fold(m) end
  end
end
return answer
)lua";

/// ARGV: 3 id.
constexpr const char* kRelease = R"lua(
for i = 2, #KEYS do
  local m = read(KEYS[i], ARGV[3])
  local bytes, copies = held(m, ARGV[3])
  if copies > 0 then
    give_back(m, ARGV[3], bytes, copies)
    save(m)
  end
end
flush()
return 1
)lua";

/// ARGV: 3 grace; then for each mailbox when the measurement began, its bytes and its messages.
constexpr const char* kCommit = R"lua(
for i = 2, #KEYS do
  local at = 4 + (i - 2) * 3
  local began, bytes, messages = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local m = read(KEYS[i], '')
  -- A measurement, or what is stored of one, from before the clock was set back.
  local is_misdated = began > ahead
  local is_stored_misdated = m.s and m.s > ahead
  if not m.s or is_stored_misdated or (not is_misdated and began > m.s) then
    m.b, m.n, m.s = bytes, messages, is_misdated and now or began
    local cut = is_misdated and 0 or began - ARGV[3]
    if m.o and m.o < cut then drop_older(m, cut) end
    save(m, 'b', m.b, 'n', m.n, 's', m.s)
  end
end
flush()
return 1
)lua";

constexpr const char* kRemove = R"lua(
for i = 2, #KEYS do
  local m = read(KEYS[i], '')
  if m.was.exists then
    if m.f then write('DEL', mark_key(m, 0), mark_key(m, 1)) end
    m.b, m.n, m.s, m.rb, m.rn = 0, 0, nil, 0, 0
    save(m)
  end
end
flush()
return 1
)lua";

/// Returns the number of mailboxes that are known, and the sums of their
/// bytes, messages, reserved bytes and copies.
constexpr const char* kDomain = R"lua(
return {domain.c, domain.b, domain.n, domain.rb, domain.rn}
)lua";

}  // namespace

std::vector<std::string> RedisScripts() {
    std::vector<std::string> scripts;
    for (const char* const script : {kReserve, kRelease, kCommit, kRemove, kDomain})
        scripts.push_back(std::string(kPrelude) + script);
    return scripts;
}

}  // namespace policyd::usage

-- What all scripts share, after the limits. KEYS[1] is the prefix of all keys. Nothing is written
-- before everything was checked: a script that fails is not rolled back.
local prefix = KEYS[1]

local function input_of(zone) return prefix .. 'z:' .. zone .. ':in' end
local function state_of(zone) return prefix .. 'z:' .. zone .. ':state' end
local function objects_of(zone) return prefix .. 'z:' .. zone .. ':obj' end
local function output_of(zone) return prefix .. 'z:' .. zone .. ':out' end
local function character_of(who) return prefix .. 'p:' .. who end
local function mail_of(who) return prefix .. 'p:' .. who .. ':out' end
local wake, dirty, chat = prefix .. 'wake', prefix .. 'dirty', prefix .. 'chat'
local last_dirty = prefix .. 'dirty:last'

-- The answer, if a key holds something else than is expected: a list of pairs of key and type.
local function foreign(expected)
  for _, it in ipairs(expected) do
    local is = redis.call('TYPE', it[1])['ok']
    if is ~= 'none' and is ~= it[2] then
      return {'foreign', it[1], 'a ' .. is .. ' is there instead of a ' .. it[2]}
    end
  end
end

-- Whether an entry of a stream comes after another one, or is it.
local function reached(one, other)
  local a, b = string.match(one, '^(%d+)-(%d+)$')
  local c, d = string.match(other, '^(%d+)-(%d+)$')
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a > c or (a == c and b >= d)
end

-- The account and the revision of the sheet of an arrival's JSON. Without them, it is none.
local function owner_and_rev(arrival)
  local read, it = pcall(cjson.decode, arrival)
  if not read or type(it) ~= 'table' or type(it.sheet) ~= 'table' then return nil end
  if type(it.account) ~= 'string' or type(it.sheet.rev) ~= 'number' then return nil end
  return string.lower(it.account), it.sheet.rev
end

local function no_arrival(who)
  return {'foreign', character_of(who), 'its arrival cannot be read'}
end

-- kind is 'do' with a command, 'enter' with an arrival, whose number is seq, or 'leave'. A zone that
-- somebody waits to come into is due at once.
local function put(zone, name, session, seq, kind, body)
  local entry = redis.call('XADD', input_of(zone), '*',
    'name', name, 'session', session, 'seq', seq, kind, body)
  if kind == 'enter' then
    redis.call('HSET', state_of(zone), 'enter', entry)
    redis.call('ZADD', wake, 0, zone)
  end
  return entry
end

local function mark(what)
  redis.call('ZADD', dirty, 'NX', redis.call('INCR', last_dirty), what)
end

local function is_present(who)
  return redis.call('HGET', character_of(who), 'present') == '1'
end

local function whisper(who, words)
  redis.call('XADD', mail_of(who), 'MAXLEN', '=', most_mail, '*', 'words', words)
end

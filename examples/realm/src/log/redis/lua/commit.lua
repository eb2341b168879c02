-- Commits a batch: all of it, or nothing.
local place = 0
local function next_argument()
  place = place + 1
  return ARGV[place]
end
local function next_arguments(names)
  local it = {}
  for _, name in ipairs(names) do it[name] = next_argument() end
  return it
end
local function next_list(names)
  local list = {}
  for i = 1, tonumber(next_argument()) do list[i] = next_arguments(names) end
  return list
end

local commit = next_arguments({'zone', 'epoch', 'rev', 'cursor', 'behind', 'world', 'output', 'wake'})
local changed = next_list({'id', 'object'})
local gone = next_list({'id'})
local travellers = {}
for i = 1, tonumber(next_argument()) do
  travellers[i] = next_arguments({'who', 'name', 'session', 'zone', 'seq', 'arrival'})
  travellers[i].later = next_list({'name', 'session', 'seq', 'kind', 'body'})
end
local leavers = next_list({'who', 'name', 'seq', 'arrival'})
local whispers = next_list({'who', 'words'})

local zone = commit.zone
local state, objects, output = state_of(zone), objects_of(zone), output_of(zone)
local expected = {
  {state, 'hash'}, {objects, 'hash'}, {output, 'stream'}, {input_of(zone), 'stream'},
  {wake, 'zset'}, {dirty, 'zset'}, {last_dirty, 'string'},
}
local function expect(key, kind) expected[#expected + 1] = {key, kind} end
for _, it in ipairs(travellers) do
  expect(character_of(it.who), 'hash')
  expect(input_of(it.zone), 'stream')
  expect(state_of(it.zone), 'hash')
end
for _, it in ipairs(leavers) do expect(character_of(it.who), 'hash') end
for _, it in ipairs(whispers) do
  expect(character_of(it.who), 'hash')
  expect(mail_of(it.who), 'stream')
end
local bad = foreign(expected)
if bad then return bad end

local stored = redis.call('HMGET', state, 'owner', 'by', 'rev', 'enter', 'first')
if not stored[1] then return {'unknown', zone} end
if tonumber(commit.epoch) < tonumber(stored[1]) then return {'fenced', zone} end
if commit.epoch ~= stored[1] then return {'unknown', zone} end
if stored[3] then
  if stored[2] == commit.epoch and stored[3] == commit.rev then return {'ok'} end
  local next_rev = tonumber(stored[3]) + 1
  local may_skip = stored[5] == '1' and tonumber(commit.rev) > next_rev
  if tonumber(commit.rev) ~= next_rev and not may_skip then return {'unknown', zone} end
end

-- From here on it is written.
if not stored[3] then
  redis.call('DEL', objects, output)
end
redis.call('HSET', state, 'by', commit.epoch, 'rev', commit.rev, 'cursor', commit.cursor,
  'world', commit.world, 'first', '0')
for _, it in ipairs(gone) do redis.call('HDEL', objects, it.id) end
for _, it in ipairs(changed) do redis.call('HSET', objects, it.id, it.object) end
redis.call('XADD', output, 'MAXLEN', '=', most_output, commit.rev .. '-0',
  'after', stored[3] or '0', 'output', commit.output)
redis.call('XTRIM', input_of(zone), 'MINID', commit.behind)

if stored[4] and not reached(commit.cursor, stored[4]) then
  redis.call('ZADD', wake, 0, zone)
elseif commit.wake ~= '' then
  redis.call('ZADD', wake, commit.wake, zone)
else
  redis.call('ZREM', wake, zone)
end
mark('z:' .. zone)

local function is_here(who)
  local at = redis.call('HMGET', character_of(who), 'zone', 'present')
  return at[1] == zone and at[2] == '1'
end

-- Takes the waiting commands of a character out of the input.
local waiting
local function withdraw(who)
  if not waiting then waiting = redis.call('XRANGE', input_of(zone), '-', '+') end
  local own = {}
  for _, entry in ipairs(waiting) do
    local it = entry[2]
    if string.lower(it[2]) == who then
      redis.call('XDEL', input_of(zone), entry[1])
      own[#own + 1] = {name = it[2], session = it[4], seq = it[6], kind = it[7], body = it[8]}
    end
  end
  return own
end

-- Lets a character that is in the world come into a zone, and its commands after it.
local function arrive(it, to, session, seq, lists)
  local entry = put(to, it.name, session, seq, 'enter', it.arrival)
  for _, list in ipairs(lists) do
    for _, later in ipairs(list) do
      put(to, later.name, later.session, later.seq, later.kind, later.body)
    end
  end
  redis.call('HSET', character_of(it.who), 'zone', to, 'arrival', it.arrival, 'done', seq,
    'enter', entry)
  mark('p:' .. it.who)
end

for _, it in ipairs(travellers) do
  if is_here(it.who) then
    arrive(it, it.zone, it.session, it.seq, {it.later, withdraw(it.who)})
  end
end

for _, it in ipairs(leavers) do
  if is_here(it.who) then
    local later = withdraw(it.who)
    local stays = false
    for _, command in ipairs(later) do stays = stays or command.kind ~= 'leave' end
    if stays then
      -- It came back, or gave commands, before the zone let it go: it goes on as it left.
      local first = later[1]
      local seq = it.seq
      if first.kind == 'enter' then
        seq = first.seq
        table.remove(later, 1)
      end
      arrive(it, zone, first.session, seq, {later})
    else
      redis.call('HSET', character_of(it.who), 'present', '0', 'arrival', it.arrival,
        'done', it.seq, 'leaving', '0')
      redis.call('DEL', mail_of(it.who))
      mark('p:' .. it.who)
    end
  end
end

for _, it in ipairs(whispers) do
  if is_present(it.who) then whisper(it.who, it.words) end
end
return {'ok'}

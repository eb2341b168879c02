-- Brings a character into the world, or a new session to one that is there.
local who, name, session, epoch, zone, arrival, seq = unpack(ARGV)
local character = character_of(who)
local bad = foreign({{character, 'hash'}, {wake, 'zset'}})
if bad then return bad end

local known = redis.call('HMGET', character,
  'zone', 'present', 'session', 'epoch', 'seq', 'arrival', 'done', 'leaving')
local present = known[2] == '1'
if known[1] then
  local account, rev = owner_and_rev(arrival)
  local known_account, known_rev = owner_and_rev(known[6])
  if not known_account then return no_arrival(who) end
  local is_another = known_account ~= account
  if is_another and present then return {'fenced', name} end
  -- The one that is known was deleted, and its name given to this one.
  if is_another or not present and known_rev < rev then known = {} end
end
if known[1] then
  if tonumber(epoch) < tonumber(known[4]) then return {'fenced', name} end
  local same = known[3] == session
  if same and present and known[4] == epoch and known[8] ~= '1' then
    return {'ok', unpack(known, 1, 7)}
  end
  zone, arrival, seq = known[1], known[6], same and known[5] or '0'
end

bad = foreign({{input_of(zone), 'stream'}, {state_of(zone), 'hash'}})
if bad then return bad end
if redis.call('XLEN', input_of(zone)) >= most_input then return {'full', zone} end

local entry = put(zone, name, session, seq, 'enter', arrival)
if not present then
  redis.call('HSET', character, 'enter', entry)
end
redis.call('HSET', character, 'zone', zone, 'present', '1', 'session', session, 'epoch', epoch,
  'seq', seq, 'arrival', arrival, 'done', seq, 'leaving', '0')
return {'ok', zone, '1', session, epoch, seq, arrival, seq}

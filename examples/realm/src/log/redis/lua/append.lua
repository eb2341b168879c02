-- Accepts a command. The kind is 'do', or 'leave', which has no number: there is one of it at most,
-- and nothing after it until the character comes in again.
local who, name, session, seq, kind, body = unpack(ARGV)
local character = character_of(who)
local bad = foreign({{character, 'hash'}})
if bad then return bad end

local known = redis.call('HMGET', character, 'zone', 'present', 'session', 'seq', 'leaving')
local zone = known[1]
if known[2] ~= '1' then return {'unknown', name} end
if known[3] ~= session then return {'fenced', name} end
bad = foreign({{input_of(zone), 'stream'}})
if bad then return bad end

local leaving = known[5] == '1'
if kind == 'leave' then
  if not leaving then
    put(zone, name, session, seq, kind, body)
    redis.call('HSET', character, 'leaving', '1')
  end
elseif leaving then
  return {'unknown', name}
elseif tonumber(seq) > tonumber(known[4]) then
  if redis.call('XLEN', input_of(zone)) >= most_input then return {'full', zone} end
  put(zone, name, session, seq, kind, body)
  redis.call('HSET', character, 'seq', seq)
end
return {'ok', zone}

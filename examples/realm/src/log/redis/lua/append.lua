-- Accepts a command. What leaves has no number, and there is one of it at most.
local who, name, session, seq, action, leaves = unpack(ARGV)
local character = character_of(who)
local bad = foreign({{character, 'hash'}})
if bad then return bad end

local known = redis.call('HMGET', character, 'zone', 'present', 'session', 'seq', 'leaving')
local zone = known[1]
if known[2] ~= '1' then return {'unknown', name} end
if known[3] ~= session then return {'fenced', name} end
bad = foreign({{input_of(zone), 'stream'}})
if bad then return bad end

if leaves == '1' then
  if known[5] ~= '1' then
    put(zone, name, session, seq, 'do', action)
    redis.call('HSET', character, 'leaving', '1')
  end
elseif tonumber(seq) > tonumber(known[4]) then
  if redis.call('XLEN', input_of(zone)) >= most_input then return {'full', zone} end
  put(zone, name, session, seq, 'do', action)
  redis.call('HSET', character, 'seq', seq)
end
return {'ok', zone}

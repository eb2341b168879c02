-- What is to be saved of a character that is in no zone.
local who = ARGV[1]
local character = character_of(who)
local bad = foreign({{character, 'hash'}, {dirty, 'zset'}})
if bad then return bad end
local known = redis.call('HMGET', character, 'zone', 'present', 'enter', 'arrival')
if not known[1] then return {'nothing'} end
bad = foreign({{state_of(known[1]), 'hash'}})
if bad then return bad end
local cursor = redis.call('HGET', state_of(known[1]), 'cursor')
if known[2] == '1' and cursor and reached(cursor, known[3]) then
  redis.call('ZREM', dirty, 'p:' .. who)
  return {'nothing'}
end
return {'ok', known[1], known[4]}

-- What is to be saved of a character that is in no zone.
local who = ARGV[1]
local character = character_of(who)
local bad = foreign({{character, 'hash'}, {dirty, 'zset'}})
if bad then return bad end
local known = redis.call('HMGET', character, 'zone', 'present', 'enter', 'arrival')
local is_to_be_saved = false
if known[1] then
  bad = foreign({{state_of(known[1]), 'hash'}})
  if bad then return bad end
  local cursor = redis.call('HGET', state_of(known[1]), 'cursor')
  is_to_be_saved = known[2] ~= '1' or not cursor or not reached(cursor, known[3])
end
if is_to_be_saved then return {'ok', known[1], known[4]} end
redis.call('ZREM', dirty, 'p:' .. who)
return {'nothing'}

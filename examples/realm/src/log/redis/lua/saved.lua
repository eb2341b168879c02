-- Takes something off the list of what was changed, if it is still what was saved.
local what, rev = unpack(ARGV)
local kind, id = string.match(what, '^(%a):(.*)$')
local key = kind == 'z' and state_of(id) or character_of(id)
local bad = foreign({{dirty, 'zset'}, {key, 'hash'}})
if bad then return bad end
if redis.call('ZREM', dirty, what) == 0 then return {'ok'} end

local now
if kind == 'z' then
  now = redis.call('HGET', key, 'rev')
else
  local arrival = redis.call('HGET', key, 'arrival')
  now = arrival and cjson.decode(arrival).sheet.rev
end
if tonumber(now) ~= tonumber(rev) then mark(what) end
return {'ok'}

-- Takes something off the list of what was changed, if it is still what was saved.
local what, rev = unpack(ARGV)
local kind, id = string.match(what, '^(%a):(.*)$')
local key = kind == 'z' and state_of(id) or character_of(id)
local bad = foreign({{dirty, 'zset'}, {last_dirty, 'string'}})
if bad then return bad end

-- What cannot be read is at no revision: it waits on, behind the others.
local now
if foreign({{key, 'hash'}}) then
  now = 'none'
elseif kind == 'z' then
  now = redis.call('HGET', key, 'rev')
else
  local arrival = redis.call('HGET', key, 'arrival')
  local _, sheet_rev = owner_and_rev(arrival or '')
  now = arrival and (sheet_rev or 'none')
end
if redis.call('ZREM', dirty, what) == 1 and now and tonumber(now) ~= tonumber(rev) then mark(what) end
return {'ok'}

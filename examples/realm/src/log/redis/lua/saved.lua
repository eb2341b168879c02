-- Takes something off the list of what was changed, if it is still what was saved.
local what, rev = unpack(ARGV)
local kind, id = string.match(what, '^(%a):(.*)$')
local key = kind == 'z' and state_of(id) or character_of(id)
local bad = foreign({{dirty, 'zset'}, {last_dirty, 'string'}, {key, 'hash'}})
if bad then return bad end

local now
if kind == 'z' then
  now = redis.call('HGET', key, 'rev')
else
  local arrival = redis.call('HGET', key, 'arrival')
  if arrival then
    local account
    account, now = owner_and_rev(arrival)
    if not account then return no_arrival(id) end
  end
end
if redis.call('ZREM', dirty, what) == 1 and now and tonumber(now) ~= tonumber(rev) then mark(what) end
return {'ok'}

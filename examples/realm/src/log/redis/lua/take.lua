-- All that is stored of a zone. With an epoch, it is taken for its owner.
local zone, epoch = unpack(ARGV)
local state = state_of(zone)
local bad = foreign({{state, 'hash'}, {objects_of(zone), 'hash'}})
if bad then return bad end

if epoch ~= '' then
  local owner = redis.call('HGET', state, 'owner')
  if owner and tonumber(epoch) < tonumber(owner) then return {'fenced', zone} end
  redis.call('HSET', state, 'owner', epoch, 'first', '1')
end
local stored = redis.call('HMGET', state, 'owner', 'rev', 'cursor', 'world')
if not stored[2] then return {'nothing'} end
return {'ok', stored[1] or '0', stored[2], stored[3], stored[4],
  redis.call('HVALS', objects_of(zone))}

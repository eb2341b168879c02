-- Takes a zone off the list of those that want to be started, if it has not asked again.
local zone, at = unpack(ARGV)
local bad = foreign({{wake, 'zset'}})
if bad then return bad end
local asked = redis.call('ZSCORE', wake, zone)
if asked and tonumber(asked) == tonumber(at) then redis.call('ZREM', wake, zone) end
return {'ok'}

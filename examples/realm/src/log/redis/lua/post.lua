-- Passes on a whisper, or words for everybody.
local who, name, session, seq, listener, listener_name, words = unpack(ARGV)
local character = character_of(who)
local expected = {{character, 'hash'}, {chat, 'stream'}}
if listener ~= '' then
  expected[3], expected[4] = {character_of(listener), 'hash'}, {mail_of(listener), 'stream'}
end
local bad = foreign(expected)
if bad then return bad end

local known = redis.call('HMGET', character, 'present', 'session', 'seq')
if known[1] ~= '1' then return {'unknown', name} end
if known[2] ~= session then return {'fenced', name} end
if tonumber(seq) <= tonumber(known[3]) then return {'ok'} end
if listener == '' then
  redis.call('XADD', chat, 'MAXLEN', '=', most_chat, '*', 'words', words)
elseif is_present(listener) then
  whisper(listener, words)
else
  return {'absent', listener_name}
end
redis.call('HSET', character, 'seq', seq)
return {'ok'}

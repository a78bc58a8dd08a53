-- Reads what an answer says of itself (tokens, finish reason, refusal, cost, quality) into metadata for the access log,
-- and takes the service's own fields out of it where the configuration says so.
--
-- CONFIG (set above this text): openai (boolean), own (quoted name -> slot), own_names and strip (lists of quoted names;
-- strip is nil when nothing is taken out), limit (bytes).
-- A quoted name such as "usage" can only be a whole JSON string: inside a string its quotes would be escaped. So a plain
-- find for it tells at once that a body has nothing to offer; only bodies that have it are looked at more closely.

local find, sub, match, concat = string.find, string.sub, string.match, table.concat
local UNKNOWN, INNER = "-", "\30"
local NUMBER = "^%s*:%s*(%-?%d[%d.eE+-]*)"
local WORD = '^%s*:%s*"([%w_.:/@ -]*)"'
local TEXT = '^%s*:%s*"[^"]'

-- The position after the JSON string whose opening quote stands at i, or nil.
local function after_string(s, i)
  local p = i + 1
  while true do
    p = find(s, '["\\]', p)
    if p == nil then return nil end
    if sub(s, p, p) == '"' then return p + 1 end
    p = p + 2
  end
end

-- The position after the JSON value that begins at i, or nil.
local function after_value(s, i)
  local c = sub(s, i, i)
  if c == '"' then return after_string(s, i) end
  if c ~= "{" and c ~= "[" then
    local p = find(s, "[,%]}%s]", i)
    if p == nil then p = #s + 1 end
    if p == i then return nil end
    return p
  end
  local depth, p = 1, i + 1
  while depth > 0 do
    p = find(s, '["{}%[%]]', p)
    if p == nil then return nil end
    c = sub(s, p, p)
    if c == '"' then
      p = after_string(s, p)
      if p == nil then return nil end
    else
      depth = (c == "{" or c == "[") and depth + 1 or depth - 1
      p = p + 1
    end
  end
  return p
end

-- Calls visit(name, start, colon, stop) for each member of the object at the top of s: name with its quotes, the position
-- of its opening quote, of the colon, and the position after its value. False when s holds no well-formed object.
local function each_member(s, visit)
  local p = find(s, "%S")
  if p == nil or sub(s, p, p) ~= "{" then return false end
  p = find(s, "%S", p + 1)
  if p ~= nil and sub(s, p, p) == "}" then return find(s, "%S", p + 1) == nil end
  while p ~= nil and sub(s, p, p) == '"' do
    local start, close = p, after_string(s, p)
    if close == nil then return false end
    local colon = find(s, "%S", close)
    if colon == nil or sub(s, colon, colon) ~= ":" then return false end
    local value = find(s, "%S", colon + 1)
    local stop = value and after_value(s, value)
    if stop == nil then return false end
    visit(sub(s, start, close - 1), start, colon, stop)
    p = find(s, "%S", stop)
    if p == nil then return false end
    local c = sub(s, p, p)
    if c == "}" then return find(s, "%S", p + 1) == nil end
    if c ~= "," then return false end
    p = find(s, "%S", p + 1)
  end
  return false
end

local function any(s, names)
  for i = 1, #names do
    if find(s, names[i], 1, true) then return true end
  end
  return false
end

-- s without the members in CONFIG.strip; the same s when there are none at its top; nil when it cannot be told.
local function stripped(s)
  if not any(s, CONFIG.strip) then return s end
  if not find(s, "^%s*{") then return s end
  local kept, named, last = {}, false, nil
  local sound = each_member(s, function(name, start, _, stop)
    for i = 1, #CONFIG.strip do
      if name == CONFIG.strip[i] then named = true return end
    end
    kept[#kept + 1] = sub(s, start, stop - 1)
  end)
  if not sound then return nil end
  if not named then return s end
  return "{" .. concat(kept, ",") .. "}"
end

-- The last value after a quoted name, wherever it stands.
local function anywhere(s, name, pattern)
  local _, at = find(s, name, 1, true)
  local value
  while at ~= nil do
    value = match(s, pattern, at + 1) or value
    _, at = find(s, name, at + 1, true)
  end
  return value
end

local function own_fields(s, found)
  if not any(s, CONFIG.own_names) then return end
  local seen = {}
  local sound = each_member(s, function(name, _, colon)
    local slot = CONFIG.own[name]
    if slot then seen[slot] = match(s, NUMBER, colon) end
  end)
  if not sound then return end -- a body that broke off may have broken off inside a number
  for slot, value in pairs(seen) do found[slot] = value end
end

-- Notes what s, one JSON text, says; later words replace earlier ones, and null erases nothing.
local function note(s, found)
  if CONFIG.openai then
    if find(s, '"usage"', 1, true) then
      found[1] = anywhere(s, '"prompt_tokens"', NUMBER) or found[1]
      found[2] = anywhere(s, '"completion_tokens"', NUMBER) or found[2]
    end
    found[5] = anywhere(s, '"finish_reason"', WORD) or found[5]
    if found[6] == UNKNOWN then found[6] = anywhere(s, '"model"', WORD) or UNKNOWN end
    if anywhere(s, '"refusal"', TEXT) then found[7] = "1" end
  end
  own_fields(s, found)
end

local function blank()
  return { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN }
end

local function publish(handle, found)
  handle:streamInfo():dynamicMetadata():set("verdigris", "answer", concat(found, INNER))
end

-- What stands in place of an answer that must be stripped and cannot be. Headers must be asked for anew after each wait.
local function problem(handle, why)
  local text = '{"type":"about:blank","title":"Bad Gateway","status":502,"detail":"' .. why .. '"}'
  local headers = handle:headers()
  headers:replace(":status", "502")
  headers:replace("content-type", "application/problem+json")
  headers:replace("content-length", tostring(#text))
  headers:remove("content-encoding")
  return text
end

-- Answers 502 before anything of the body was read.
local function refuse(handle, why)
  local text = problem(handle, why)
  for chunk in handle:bodyChunks() do
    chunk:setBytes(text)
    text = ""
  end
end

-- A whole body: held until it is complete.
local function read_whole(handle)
  local body = handle:body()
  if body == nil or body:length() == 0 then return end
  local s, found = body:getBytes(0, body:length()), blank()
  note(s, found)
  publish(handle, found)
  if CONFIG.strip == nil then return end
  local ok, clean = pcall(stripped, s)
  if ok and clean == s then return end
  if not ok or clean == nil then
    clean = problem(handle, "The answer holds fields that must not leave, and is not well-formed JSON.")
  end
  local size = body:setBytes(clean)
  local headers = handle:headers()
  if headers:get("content-length") ~= nil then headers:replace("content-length", tostring(size)) end
end

-- A body of unknown length, passed on piece by piece while a copy of at most CONFIG.limit bytes is kept for reading.
local function read_passing(handle)
  local pieces, size = {}, 0
  for chunk in handle:bodyChunks() do
    local n = chunk:length()
    size = size + n
    if n > 0 and size <= CONFIG.limit then pieces[#pieces + 1] = chunk:getBytes(0, n) end
  end
  if size > CONFIG.limit then return end
  local found = blank()
  note(concat(pieces), found)
  publish(handle, found)
end

-- The payload of an event stream's line, or nil.
local function payload(line)
  if sub(line, 1, 5) ~= "data:" then return nil end
  return sub(line, 6)
end

local function clean_line(line)
  local data = payload(line)
  if data == nil or not any(data, CONFIG.strip) then return line end
  local tail = match(data, "%s*$")
  local ok, clean = pcall(stripped, data)
  if not ok or clean == nil then return "data: {}" .. tail end
  if clean == data then return line end
  return "data: " .. clean .. tail
end

-- A stream of events: each piece is passed on at once; with strip, up to its last complete line, the rest with the next.
local function read_events(handle)
  local found, carry = blank(), ""
  for chunk in handle:bodyChunks() do
    local n = chunk:length()
    if n > 0 then
      local text = carry .. chunk:getBytes(0, n)
      local out, from = {}, 1
      while true do
        local stop = find(text, "\n", from, true)
        if stop == nil then break end
        local line = sub(text, from, stop)
        local data = payload(line)
        if data then note(data, found) end
        if CONFIG.strip then out[#out + 1] = clean_line(line) end
        from = stop + 1
      end
      carry = sub(text, from)
      if CONFIG.strip then
        chunk:setBytes(concat(out))
      elseif #carry > CONFIG.limit then
        carry = ""
      end
    end
  end
  publish(handle, found)
end

local function answer(handle)
  local headers = handle:headers()
  local kind = headers:get("content-type")
  if kind == nil then return end
  local json, events = sub(kind, 1, 16) == "application/json", sub(kind, 1, 17) == "text/event-stream"
  if not json and not events then return end
  local encoding = headers:get("content-encoding")
  if encoding ~= nil and encoding ~= "identity" then
    if CONFIG.strip then refuse(handle, "The answer is compressed, so its fields cannot be taken out.") end
    return
  end
  if events then
    if CONFIG.strip then headers:remove("content-length") end
    return read_events(handle)
  end
  local length = headers:get("content-length")
  local large = length ~= nil and (tonumber(length) or math.huge) > CONFIG.limit
  if CONFIG.strip and large then
    return refuse(handle, "The answer is too large for its fields to be taken out.")
  end
  if CONFIG.strip or (length ~= nil and not large) then return read_whole(handle) end
  if length == nil then return read_passing(handle) end
end

function envoy_on_response(handle)
  if CONFIG.strip == nil then return answer(handle) end
  local ok, why = pcall(answer, handle)
  if ok then return end
  handle:logErr(tostring(why))
  local body = handle:body() -- a mistake of this script must not let anything out
  if body ~= nil then body:setBytes(problem(handle, "The answer could not be read, so its fields cannot be taken out.")) end
end

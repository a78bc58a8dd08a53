-- Reads what an answer says of itself (tokens, finish reason, refusal, cost, quality) into metadata for the access log,
-- and takes the service's own fields out of it where the configuration says so.
--
-- CONFIG (set above this text): openai (boolean), own, strip and kinds (quoted name -> slot; strip is nil when nothing is
-- taken out, kinds when no member tells a request's kind), slots (how many there are), limit and literal (bytes).
-- A quoted name such as "usage" can only be a whole JSON string: inside a string its quotes would be escaped. So a plain
-- find for it tells at once that a body has nothing to offer; only bodies that have it are looked at more closely.

local byte, find, sub, match, concat = string.byte, string.find, string.sub, string.match, table.concat
local UNKNOWN, INNER = "-", "\30"
local NUMBER = "^%s*:%s*(%-?%d[%d.eE+-]*)"
local WORD = '^%s*:%s*"([%w_.:/@ -]*)"'
local TEXT = '^%s*:%s*"[^"]'

-- Bytes are compared as numbers: such loops are compiled by LuaJIT, pattern searches are not.
local QUOTE, BACKSLASH, COLON, COMMA = 34, 92, 58, 44
local OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST = 123, 125, 91, 93
local SPACE = 32 -- and everything below, which no JSON text holds but as white space

-- The position of the next byte that is no white space; #s + 1 at the end.
local function after_space(s, i)
  while (byte(s, i) or SPACE + 1) <= SPACE do i = i + 1 end
  return i
end

-- The position after the JSON string whose opening quote stands at i, or nil.
local function after_string(s, i)
  local p = i
  while true do
    p = find(s, '"', p + 1, true)
    if p == nil then return nil end
    local q = p - 1
    while byte(s, q) == BACKSLASH do q = q - 1 end
    if (p - q) % 2 == 1 then return p + 1 end
  end
end

-- The position after the JSON value that begins at i, or nil.
local function after_value(s, i)
  local c = byte(s, i)
  if c == QUOTE then return after_string(s, i) end
  local depth, p, size = 0, i, #s
  while p <= size do
    c = byte(s, p)
    if c == QUOTE then
      p = after_string(s, p)
      if p == nil then return nil end
    elseif c == OPEN_OBJECT or c == OPEN_LIST then
      depth, p = depth + 1, p + 1
    elseif c == CLOSE_OBJECT or c == CLOSE_LIST then
      if depth == 0 then return p > i and p or nil end
      depth, p = depth - 1, p + 1
      if depth == 0 then return p end
    elseif depth == 0 and (c == COMMA or c <= SPACE) then
      return p > i and p or nil
    else
      p = p + 1
    end
  end
  return depth == 0 and p > i and p or nil
end

-- Calls visit(start, colon, stop) for each member of an object from the one whose name begins at p: where its name begins,
-- where its colon stands, and the position after its value. True when the object's end is the end of s as well.
local function each_member_from(s, p, visit)
  while byte(s, p) == QUOTE do
    local close = after_string(s, p)
    if close == nil then return false end
    local colon = after_space(s, close)
    if byte(s, colon) ~= COLON then return false end
    local value = after_space(s, colon + 1)
    local stop = value <= #s and after_value(s, value)
    if not stop then return false end
    visit(p, colon, stop)
    p = after_space(s, stop)
    local c = byte(s, p)
    if c == CLOSE_OBJECT then return after_space(s, p + 1) > #s end
    if c ~= COMMA then return false end
    p = after_space(s, p + 1)
  end
  return false
end

-- The same for all members of the object at the top of s. False when s holds no well-formed object.
local function each_member(s, visit)
  local p = after_space(s, 1)
  if byte(s, p) ~= OPEN_OBJECT then return false end
  p = after_space(s, p + 1)
  if byte(s, p) == CLOSE_OBJECT then return after_space(s, p + 1) > #s end
  return each_member_from(s, p, visit)
end

-- Where each of the quoted names stands in s, at any depth: position -> slot. nil when none does.
local function places(s, names)
  local found
  for name, slot in pairs(names) do
    local at = find(s, name, 1, true)
    while at ~= nil do
      found = found or {}
      found[at] = slot
      at = find(s, name, at + 1, true)
    end
  end
  return found
end

-- s without the members in CONFIG.strip; the same s when there are none at its top; nil when it cannot be told.
local function stripped(s)
  local hidden = places(s, CONFIG.strip)
  if hidden == nil or byte(s, after_space(s, 1)) ~= OPEN_OBJECT then return s end
  local kept, named = {}, false
  local sound = each_member(s, function(start, _, stop)
    if hidden[start] then
      named = true
    else
      kept[#kept + 1] = sub(s, start, stop - 1)
    end
  end)
  if not sound then return nil end
  if not named then return s end
  return "{" .. concat(kept, ",") .. "}"
end

-- The first value of this pattern after a quoted name, wherever it stands.
local function anywhere(s, name, pattern)
  local _, at = find(s, name, 1, true)
  while at ~= nil do
    local value = match(s, pattern, at + 1)
    if value then return value end
    _, at = find(s, name, at + 1, true)
  end
end

-- The number of a member whose colon is given.
local function number(s, colon) return match(s, NUMBER, colon) end

-- Text, a number, true or false, as it is written. No text of JSON holds a control character, which could be a separator.
local function scalar(s, colon, stop)
  local value = after_space(s, colon + 1)
  local c = byte(s, value)
  if c == OPEN_OBJECT or c == OPEN_LIST then return nil end
  local text = sub(s, value, math.min(stop - 1, value + CONFIG.literal - 1))
  if text == "null" or find(text, "%c") then return nil end
  return text
end

-- Notes the members at the top of s that have one of these names, each as `read` gives it.
-- Of the objects in s only the one at the top ends where s ends. So what follows the first of the names tells whether it
-- stands at the top, and that is usually short; where it does not, everything is walked.
local function own_fields(s, names, read, found)
  local slots = places(s, names)
  if slots == nil then return end
  local first, seen = #s, {}
  for at in pairs(slots) do
    if at < first then first = at end
  end
  local function visit(start, colon, stop)
    local slot = slots[start]
    if slot then seen[slot] = read(s, colon, stop) end
  end
  local sound = each_member_from(s, first, visit)
  if not sound then
    seen = {}
    sound = each_member(s, visit)
  end
  if not sound then return end -- a body that broke off may have broken off inside a number
  for slot, value in pairs(seen) do found[slot] = value end
  found.any = true
end

-- Notes what s, one JSON text, says; later words replace earlier ones, and null erases nothing.
local function note(s, found)
  if CONFIG.openai then
    if find(s, '"usage"', 1, true) then
      found[1] = anywhere(s, '"prompt_tokens"', NUMBER) or found[1]
      found[2] = anywhere(s, '"completion_tokens"', NUMBER) or found[2]
      found.any = true
    end
    if find(s, '"choices"', 1, true) then
      found[5] = anywhere(s, '"finish_reason"', WORD) or found[5]
      if found[6] == UNKNOWN then found[6] = anywhere(s, '"model"', WORD) or UNKNOWN end
      if anywhere(s, '"refusal"', TEXT) then found[7] = "1" end
      found.any = true
    end
  end
  own_fields(s, CONFIG.own, number, found)
  if CONFIG.kinds then own_fields(s, CONFIG.kinds, scalar, found) end
end

local function blank()
  local found = {}
  for slot = 1, CONFIG.slots do found[slot] = UNKNOWN end
  return found
end

local function publish(handle, found)
  if found.any then handle:streamInfo():dynamicMetadata():set("verdigris", "answer", concat(found, INNER)) end
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

-- A line as it may go on. A line of another kind that holds a name to strip is no line of ours to mend: only its end stays.
local function clean_line(line)
  local data = payload(line)
  if data == nil then return places(line, CONFIG.strip) and match(line, "[\r\n]?$") or line end
  local tail = match(data, "%s*$")
  local ok, clean = pcall(stripped, data)
  if not ok or clean == nil then return "data: {}" .. tail end
  if clean == data then return line end
  return "data: " .. clean .. tail
end

-- Puts an event stream's lines together. A line ends with LF or CR; of CR LF, the LF is an empty line, which changes nothing
-- in what is passed on. A line longer than CONFIG.limit is not kept: it is not measured, and with strip does not go on.
local function lines_of(found)
  local held, size, instead = {}, 0, nil
  local lines = {}

  -- Keeps a piece of a line.
  function lines.hold(piece)
    if instead or piece == "" then return end
    held[#held + 1], size = piece, size + #piece
    if size > CONFIG.limit then
      instead = payload(concat(held)) and "data: {}" or ""
      held, size = {}, 0
    end
  end

  -- Reads the line that ends with this piece; what may go on of it, with strip.
  function lines.complete(piece)
    lines.hold(piece)
    local out = instead and instead .. match(piece, "[\r\n]?$") or ""
    if instead == nil then
      local line = concat(held)
      local data = payload(line)
      if data then note(data, found) end
      if CONFIG.strip then out = clean_line(line) end
    end
    held, size, instead = {}, 0, nil
    return out
  end

  -- The same for a last line without an end. Should more of it come after all, it is dropped: it cannot be judged alone.
  function lines.last()
    if instead == nil and size == 0 then return "" end
    local out = lines.complete("")
    instead = ""
    return out
  end

  return lines
end

-- All complete lines of text; what may go on of them, with strip.
local function pass_lines(text, lines)
  local out, from = {}, 1
  local lf, cr = find(text, "\n", 1, true), find(text, "\r", 1, true)
  while lf or cr do
    local stop = lf and cr and math.min(lf, cr) or lf or cr
    out[#out + 1] = lines.complete(sub(text, from, stop))
    from = stop + 1
    if stop == lf then lf = find(text, "\n", from, true) else cr = find(text, "\r", from, true) end
  end
  lines.hold(sub(text, from))
  return concat(out)
end

-- A stream of events: each piece is passed on at once; with strip, up to its last complete line, the rest with the next.
-- The environments are spoken to by HTTP/1, whose end is always an empty piece of its own: there the last line goes out.
local function read_events(handle)
  local found = blank()
  local lines = lines_of(found)
  for chunk in handle:bodyChunks() do
    local n = chunk:length()
    local out
    if n > 0 then out = pass_lines(chunk:getBytes(0, n), lines) else out = lines.last() end
    if CONFIG.strip and (n > 0 or out ~= "") then chunk:setBytes(out) end
  end
  lines.last()
  publish(handle, found)
end

local function answer(handle)
  local headers = handle:headers()
  local kind = headers:get("content-type")
  if kind == nil then return end
  local events = find(kind, "text/event-stream", 1, true) == 1
  if not events and find(kind, "application/json", 1, true) ~= 1 then return end
  if CONFIG.strip then -- without it, a compressed answer just holds nothing that could be found
    local encoding = headers:get("content-encoding")
    if encoding ~= nil and encoding ~= "identity" then
      return refuse(handle, "The answer is compressed, so its fields cannot be taken out.")
    end
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

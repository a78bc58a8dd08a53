-- Walks JSON without building a tree of it. Nothing here knows what a member means.
--
-- CONFIG (set above this text): strip (quoted name -> slot, nil when nothing is taken out), literal (bytes).
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

-- The white space at the end of s. A pattern for it would look at each run of white space again from each of its places.
local function space_at_end(s)
  local i = #s
  while (byte(s, i) or SPACE + 1) <= SPACE do i = i - 1 end
  return sub(s, i + 1)
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
-- where its colon stands, and the position after its value. True when the object's end is the end of s as well; else false and
-- the position up to which was looked, nil where p begins no member.
local function each_member_from(s, p, visit)
  local first = p
  while byte(s, p) == QUOTE do
    local close = after_string(s, p)
    if close == nil then return false, #s + 1 end
    local colon = after_space(s, close)
    if byte(s, colon) ~= COLON then return false, p > first and colon or nil end
    local value = after_space(s, colon + 1)
    local stop = value <= #s and after_value(s, value)
    if not stop then return false, #s + 1 end
    visit(p, colon, stop)
    p = after_space(s, stop)
    local c = byte(s, p)
    if c == CLOSE_OBJECT then return after_space(s, p + 1) > #s, p + 1 end
    if c ~= COMMA then return false, p end
    p = after_space(s, p + 1)
  end
  return false, p > first and p or nil
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

-- Whether s is one list or one text. What holds a name to strip and is neither, nor an object, may be part of one.
local function is_other(s)
  local p = after_space(s, 1)
  local c = byte(s, p)
  local stop = (c == OPEN_LIST or c == QUOTE) and after_value(s, p)
  return stop and after_space(s, stop) > #s
end

-- s without the members in CONFIG.strip; the same s when there are none at its top; nil when it cannot be told.
local function stripped(s)
  local hidden = places(s, CONFIG.strip)
  if hidden == nil then return s end
  if byte(s, after_space(s, 1)) ~= OPEN_OBJECT then return is_other(s) and s or nil end
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

-- The text of the value of the member with this quoted name at the top of the object s, or nil.
-- Of the objects in s only the one at the top ends where s ends: so a name is at the top if walking on from it ends there.
-- What was walked over belongs to an object that is not at the top, and is not walked over again.
local function inside(s, name)
  local at = find(s, name, 1, true)
  while at ~= nil do
    local value
    local sound, walked = each_member_from(s, at, function(start, colon, stop)
      if start == at then value = sub(s, after_space(s, colon + 1), stop - 1) end
    end)
    if sound then return value end
    at = find(s, name, walked or at + 1, true)
  end
end

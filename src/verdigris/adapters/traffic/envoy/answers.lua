-- The filter: which bodies are held, passed on or refused, and where they are read. What they say goes into metadata for the
-- access log; the service's own fields are taken out where the configuration says so.
--
-- CONFIG (set above this text): formats (letter -> true for those that are read), strip (quoted name -> slot, nil when nothing is
-- taken out), slots (how many there are), limit (bytes).

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
  local tail = space_at_end(data)
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

-- An event stream of frames: passed on as it is; the end of each piece is looked at again with the next, which may go on with it.
local function read_frames(handle)
  local found, kept = blank(), ""
  for chunk in handle:bodyChunks() do
    local n = chunk:length()
    if n > 0 then
      local s = kept .. chunk:getBytes(0, n)
      note_frames(s, found)
      kept = sub(s, -FRAME_END)
    end
  end
  publish(handle, found)
end

local function answer(handle)
  local headers = handle:headers()
  local kind = headers:get("content-type")
  if kind == nil then return end
  kind = string.lower(kind)
  if CONFIG.formats.b and find(kind, "application/vnd.amazon.eventstream", 1, true) == 1 then return read_frames(handle) end
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

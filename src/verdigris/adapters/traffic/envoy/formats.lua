-- What an answer says of itself, format by format: tokens, finish reason, refusal, model.
--
-- CONFIG (set above this text): formats (letter -> true for those that are read), own and kinds (quoted name -> slot; kinds is
-- nil when no member tells a request's kind), slots (how many there are).
-- In a stream later words replace earlier ones, and null erases nothing. Counts are noted as the provider gives them; the letter
-- of the format says which are parts of which.
-- Where a member may also stand inside what a tool is called with, it is read at the top of its object only.

local IN, OUT, FINISH, MODEL, REFUSAL, READ, WRITTEN, REASONING, PRINT, FORMAT = 1, 2, 5, 6, 7, 8, 9, 10, 11, 12
local FRAME_END = 1024 -- bytes: longer than any of the few members looked for in frames
local QUOTED = '^"([%w_.:/@ -]*)"$'

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

-- Notes the number after a quoted name, wherever in s it stands; s is a small object such as a usage.
local function count(s, name, slot, found)
  local value = anywhere(s, name, NUMBER)
  if value then found[slot], found.any = value, true end
end

-- Notes a word that stands at the top of s.
local function say(s, name, slot, found)
  local value = find(s, name, 1, true) and inside(s, name)
  local said = value and match(value, QUOTED)
  if said and said ~= "" then found[slot], found.any = said, true end
end

local function once(s, name, slot, found)
  if found[slot] == UNKNOWN then say(s, name, slot, found) end
end

local function format(found, letter)
  if found[FORMAT] == UNKNOWN then found[FORMAT] = letter end
end

local function note_chat(s, found)
  if find(s, '"usage"', 1, true) then
    local many = anywhere(s, '"prompt_tokens"', NUMBER)
    if many then format(found, "c") end
    found[IN] = many or found[IN]
    found[OUT] = anywhere(s, '"completion_tokens"', NUMBER) or found[OUT]
    count(s, '"cached_tokens"', READ, found)
    count(s, '"cache_write_tokens"', WRITTEN, found)
    count(s, '"reasoning_tokens"', REASONING, found)
    found.any = true
  end
  if find(s, '"choices"', 1, true) then
    format(found, "c")
    found[FINISH] = anywhere(s, '"finish_reason"', WORD) or found[FINISH]
    if found[MODEL] == UNKNOWN then found[MODEL] = anywhere(s, '"model"', WORD) or UNKNOWN end
    if found[PRINT] == UNKNOWN then found[PRINT] = anywhere(s, '"system_fingerprint"', WORD) or UNKNOWN end
    if anywhere(s, '"refusal"', TEXT) then found[REFUSAL] = "1" end
    found.any = true
  end
end

local ENDS = { completed = true, incomplete = true, failed = true, cancelled = true }

local function note_responses(s, found)
  if not find(s, '"response', 1, true) then return end
  if find(s, '^%s*{%s*"type"%s*:%s*"response%.refusal%.') then
    found[REFUSAL], found.any = "1", true
    return
  end
  local r = s
  if find(s, '"response"', 1, true) then r = inside(s, '"response"') or s end
  if r == s and inside(s, '"object"') ~= '"response"' then return end
  format(found, "r")
  once(r, '"model"', MODEL, found)
  local status = match(inside(r, '"status"') or "", QUOTED)
  if not ENDS[status] then return end
  local usage = inside(r, '"usage"')
  if usage then
    count(usage, '"input_tokens"', IN, found)
    count(usage, '"output_tokens"', OUT, found)
    count(usage, '"cached_tokens"', READ, found)
    count(usage, '"cache_write_tokens"', WRITTEN, found)
    count(usage, '"reasoning_tokens"', REASONING, found)
  end
  local why = inside(r, '"incomplete_details"')
  found[FINISH], found.any = why and anywhere(why, '"reason"', WORD) or status, true
  if find(r, '"type"%s*:%s*"refusal"') then found[REFUSAL] = "1" end
end

-- Input tokens do not count those of caches. What a stream's end says of its usage is the sum so far.
local function note_message(s, found)
  local usage = find(s, '"usage"', 1, true) and inside(s, '"usage"')
  if not usage then return end
  count(usage, '"input_tokens"', IN, found)
  count(usage, '"output_tokens"', OUT, found)
  count(usage, '"cache_read_input_tokens"', READ, found)
  count(usage, '"cache_creation_input_tokens"', WRITTEN, found)
  count(usage, '"thinking_tokens"', REASONING, found)
end

local function note_anthropic(s, found)
  if not find(s, '"usage"', 1, true) or not find(s, '"message', 1, true) then return end
  local kind = match(inside(s, '"type"') or "", QUOTED)
  local m = s
  if kind == "message_start" then
    m = inside(s, '"message"')
  elseif kind == "message_delta" then
    local delta = inside(s, '"delta"')
    if delta then say(delta, '"stop_reason"', FINISH, found) end
  elseif kind ~= "message" then
    return
  end
  if m == nil then return end
  format(found, "a")
  if kind ~= "message_delta" then
    once(m, '"model"', MODEL, found)
    say(m, '"stop_reason"', FINISH, found)
  end
  note_message(m, found)
end

-- Where an answer holds nothing, its counts are left out: what the total leaves beside the input is the output.
local function nothing_said(usage, found)
  local total, asked = anywhere(usage, '"totalTokenCount"', NUMBER), anywhere(usage, '"promptTokenCount"', NUMBER)
  if found[OUT] ~= UNKNOWN or found[REASONING] ~= UNKNOWN or not (total and asked) then return end
  local tools = anywhere(usage, '"toolUsePromptTokenCount"', NUMBER) or "0"
  local left = tonumber(total) - tonumber(asked) - tonumber(tools)
  if left == 0 then found[OUT] = "0" end
end

local function note_gemini(s, found)
  local candidates = find(s, '"candidates"', 1, true) and inside(s, '"candidates"')
  local usage = find(s, '"usageMetadata"', 1, true) and inside(s, '"usageMetadata"')
  local feedback = find(s, '"promptFeedback"', 1, true) and inside(s, '"promptFeedback"')
  if not (usage or feedback or candidates and find(s, '"modelVersion"', 1, true)) then return end
  format(found, "g")
  once(s, '"modelVersion"', MODEL, found)
  if usage then
    count(usage, '"promptTokenCount"', IN, found)
    count(usage, '"toolUsePromptTokenCount"', WRITTEN, found)
    count(usage, '"candidatesTokenCount"', OUT, found)
    count(usage, '"cachedContentTokenCount"', READ, found)
    count(usage, '"thoughtsTokenCount"', REASONING, found)
    nothing_said(usage, found)
  end
  local first = candidates and match(candidates, "^%[%s*(.*)%]%s*$")
  if first then
    local stop = after_value(first, 1)
    if stop then say(sub(first, 1, stop - 1), '"finishReason"', FINISH, found) end
  end
  local blocked = feedback and anywhere(feedback, '"blockReason"', WORD)
  if blocked then found[FINISH], found[REFUSAL], found.any = blocked, "1", true end
end

local function note_bedrock(s, found)
  if not find(s, '"inputTokens"', 1, true) and not find(s, '"stopReason"', 1, true) then return end
  local usage = inside(s, '"usage"')
  if usage and find(usage, '"inputTokens"', 1, true) then
    format(found, "b")
    count(usage, '"inputTokens"', IN, found)
    count(usage, '"outputTokens"', OUT, found)
    count(usage, '"cacheReadInputTokens"', READ, found)
    count(usage, '"cacheWriteInputTokens"', WRITTEN, found)
  end
  say(s, '"stopReason"', FINISH, found)
end

-- Amazon's event stream holds plain JSON between bytes of another kind, so the names are looked for as they pass.
-- Each is looked at as far as one is long, since one without an end would be looked for to the end of s, again and again.
local function note_frames(s, found)
  local usage
  local at = find(s, '"usage"', 1, true)
  while at ~= nil and usage == nil do
    usage = match(sub(s, at, at + FRAME_END), '^"usage"%s*:%s*(%b{})')
    at = find(s, '"usage"', at + 1, true)
  end
  if usage then note_bedrock('{"usage":' .. usage .. "}", found) end
  local reason = match(s, '"stopReason"%s*:%s*"([%w_]+)"')
  if reason then found[FINISH], found.any = reason, true end
end

-- Notes what s, one JSON text, says.
local function note(s, found)
  local read = CONFIG.formats
  if read.r then note_responses(s, found) end
  if read.a then note_anthropic(s, found) end
  if read.g then note_gemini(s, found) end
  if read.b then note_bedrock(s, found) end
  -- Last, and only where no other format was known: its members are looked for at any depth, so they could be a tool's arguments.
  if read.c and (found[FORMAT] == UNKNOWN or found[FORMAT] == "c") then note_chat(s, found) end
  own_fields(s, CONFIG.own, number, found)
  if CONFIG.kinds then own_fields(s, CONFIG.kinds, scalar, found) end
end

-- Strings: building, patterns, formatting, bytes, substitution.
local words = {}
for i = 1, 1500 do
    words[i] = string.format("%s-%d:%x", ("abcdefghij"):sub(i % 10 + 1), i, i * 2654435761 % 65536)
end
local text = table.concat(words, " ")

local sum = #text
for word, number, hex in text:gmatch("(%a+)%-(%d+):(%x+)") do
    sum = (sum * 31 + #word + tonumber(number) + tonumber(hex, 16)) % 1000000007
end

local replaced, count = text:gsub("%d", { ["1"] = "one", ["2"] = "two" })
sum = sum + #replaced + count

local reversed = {}
for i = #text, 1, -1 do reversed[#reversed + 1] = text:sub(i, i) end
sum = sum + #table.concat(reversed):upper()

local hash = 5381
for i = 1, #text do hash = (hash * 33 ~ text:byte(i)) & 0xffffffff end

local found, from = 0, 1
while true do
    local s, e = text:find("j-%d+0:", from)
    if not s then break end
    found, from = found + s, e + 1
end
return sum + hash + found

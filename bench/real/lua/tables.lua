-- Tables as arrays, maps and objects; sorting by a function; metatables; the collector.
local sum = 0

local primes = {}
local composite = {}
for n = 2, 12000 do
    if not composite[n] then
        primes[#primes + 1] = n
        for m = n * n, 12000, n do composite[m] = true end
    end
end
sum = sum + #primes

local Point = {}
Point.__index = Point
Point.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, Point) end
function Point:norm() return self.x * self.x + self.y * self.y end

local at = setmetatable({ x = 0, y = 0 }, Point)
for i = 1, 12000 do
    at = at + setmetatable({ x = i % 5 - 2, y = i % 3 - 1 }, Point)
    sum = sum + at:norm() % 17
end

local items = {}
local seed = 42
for i = 1, 4000 do
    seed = (seed * 1103515245 + 12345) % 2147483648
    items[i] = { key = seed % 1000, order = i }
end
table.sort(items, function(a, b)
    if a.key ~= b.key then return a.key < b.key end
    return a.order < b.order
end)
for i = 1, #items, 37 do sum = sum * 31 % 1000000007 + items[i].order end

local counts = {}
for i = 1, 30000 do
    local key = (i * 7919) % 509
    counts[key] = (counts[key] or 0) + 1
end
for key = 0, 508 do sum = sum + counts[key] * key end
return sum

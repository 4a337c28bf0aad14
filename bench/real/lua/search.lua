-- Search with tables and integers: queens, permutations, and a bit-mask knapsack.
local sum = 0

local function queens(n, row, columns, left, right)
    if row > n then return 1 end
    local count = 0
    for c = 1, n do
        if not columns[c] and not left[row + c] and not right[row - c + n] then
            columns[c], left[row + c], right[row - c + n] = true, true, true
            count = count + queens(n, row + 1, columns, left, right)
            columns[c], left[row + c], right[row - c + n] = false, false, false
        end
    end
    return count
end
sum = sum + queens(7, 1, {}, {}, {})

local function permutations(a, n, visit)
    if n == 0 then return visit(a) end
    for i = 1, n do
        a[i], a[n] = a[n], a[i]
        permutations(a, n - 1, visit)
        a[i], a[n] = a[n], a[i]
    end
end
local best = 0
permutations({ 1, 2, 3, 4, 5, 6, 7 }, 7, function(a)
    local value = 0
    for i = 1, 7 do value = value + a[i] * i * (i % 2 == 0 and -1 or 1) end
    if value > best then best = value end
end)
sum = sum * 1000 + best

local reachable = { [0] = true }
for i = 1, 40 do
    local weight = i * 37 % 101 + 1
    for total = 1000 - weight, 0, -1 do
        if reachable[total] then reachable[total + weight] = true end
    end
end
for total = 0, 1000 do
    if reachable[total] then sum = sum + (total ~ total << 3) end
end
return sum

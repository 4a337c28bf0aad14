-- Calls of Lua functions, with integers and with upvalues.
local function fib(n)
    if n < 2 then return n end
    return fib(n - 1) + fib(n - 2)
end

local function counter()
    local count = 0
    return function(by)
        count = count + by
        return count
    end
end

local count = counter()
for i = 1, 60000 do count(i % 7) end
return fib(23) * 1000003 + count(0)

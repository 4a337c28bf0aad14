-- Floating-point arithmetic in tables: n-body and a small spectral norm.
local function body(x, y, z, vx, vy, vz, mass)
    return { x = x, y = y, z = z, vx = vx, vy = vy, vz = vz, mass = mass }
end

local bodies = {
    body(0, 0, 0, 0, 0, 0, 39.5),
    body(4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.0377),
    body(8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.0113),
    body(12.9, -15.1, -0.2, 1.1, 0.87, -0.01, 0.0017),
}

local function advance(step)
    for i = 1, #bodies do
        local a = bodies[i]
        for j = i + 1, #bodies do
            local b = bodies[j]
            local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
            local square = dx * dx + dy * dy + dz * dz
            local pull = step / (square * square ^ 0.5)
            a.vx, a.vy, a.vz = a.vx - dx * b.mass * pull, a.vy - dy * b.mass * pull, a.vz - dz * b.mass * pull
            b.vx, b.vy, b.vz = b.vx + dx * a.mass * pull, b.vy + dy * a.mass * pull, b.vz + dz * a.mass * pull
        end
    end
    for _, b in ipairs(bodies) do
        b.x, b.y, b.z = b.x + step * b.vx, b.y + step * b.vy, b.z + step * b.vz
    end
end

local function times(n, cell, vector)
    local out = {}
    for i = 0, n - 1 do
        local sum = 0.0
        for j = 0, n - 1 do sum = sum + vector[j + 1] * cell(i, j) end
        out[i + 1] = sum
    end
    return out
end

local function cell(i, j)
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)
end

for _ = 1, 4000 do advance(0.001) end
local vector = {}
for i = 1, 60 do vector[i] = 1.0 end
for _ = 1, 12 do vector = times(60, cell, vector) end
return math.floor(bodies[2].x * 1e9) ~ math.floor(vector[7] * 1e9)

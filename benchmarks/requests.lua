-- Sends the requests of a file in turn; each placeholder becomes the next number.
-- wrk -s requests.lua URL -- FILE PLACEHOLDER FIRST

local heads, tails, n, number = {}, {}, 0, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local text = file:read("*a")
  file:close()
  for request in text:gmatch("%Z+") do
    local from, to = request:find(args[2], 1, true)
    n = n + 1
    heads[n] = from and request:sub(1, from - 1) or request
    tails[n] = from and request:sub(to + 1)
  end
  number = tonumber(args[3])
end

function request()
  number = number + 1
  local at = number % n + 1
  if not tails[at] then
    return heads[at]
  end
  return heads[at] .. string.format("%016.0f", number) .. tails[at]
end

function done(summary, latency)
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\n{"n_answers": %d, "n_bad": %d, "elapsed_s": %f, "p50_ms": %f, "p95_ms": %f}\n',
    summary.requests, errors.status + lost, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3
  ))
end

// Series to try, drawn in the browser: the same at each visit.

const STEPS = 144;
const CENT = 0.01;

export const EXAMPLES = {
  lively: { label: "Simulated: a lively market", category: "sports", start: 0.47, noise: 0.1, rest: 0.2 },
  calm: { label: "Simulated: a calm market", category: "politics", start: 0.62, noise: 0.05, rest: 0.8 },
  edge: { label: "Simulated: close to certain", category: "weather", start: 0.94, noise: 0.12, rest: 0.5 },
  jump: { label: "Simulated: a jump an hour ago", category: "crypto", start: 0.35, noise: 0.06, rest: 0.4, jump: 0.22 },
  holes: { label: "Simulated: with holes", category: "economics", start: 0.55, noise: 0.08, rest: 0.3, holes: 0.12 },
};

/** Prices on the cent grid that walk in logit space, and rest at a share of the steps. */
export function drawExample(name) {
  const { start, noise, rest, jump = 0, holes = 0 } = EXAMPLES[name];
  const next = generator(7 + Object.keys(EXAMPLES).indexOf(name));
  let logit = Math.log(start / (1 - start));
  let price = start;
  const y = [];
  for (let step = 0; step < STEPS; step += 1) {
    logit += noise * normal(next);
    if (next() >= rest) price = 1 / (1 + Math.exp(-logit));
    const moved = price + (step >= STEPS - 12 ? jump : 0);
    const onGrid = Math.round(moved / CENT) * CENT;
    const isHole = step < STEPS - 1 && next() < holes;
    y.push(isHole ? null : Number(Math.min(1, Math.max(0, onGrid)).toFixed(2)));
  }
  return y;
}

function normal(next) {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** mulberry32: small, and good enough for pictures. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

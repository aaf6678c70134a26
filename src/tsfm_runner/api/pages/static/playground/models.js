// Which model answers: those that may and can are to be chosen, the others say why not.

import { h, replace, setText } from "../app.js";

const GROUPS = { tollama: "Through tollama", embedded: "In the service itself", chronos: "Chronos in the service itself", baseline: "Baselines" };

/**
 * @param {() => void} change
 */
export function modelField(change) {
  /** @type {Map<string, any>} */
  let known = new Map();
  const note = h("p", { class: "note", id: "model-note" });
  const select = /** @type {HTMLSelectElement} */ (h("select", { id: "model", "aria-describedby": "model-note model-error", onchange: () => { tell(); change(); } }, option("", "The ladder, as configured")));
  const tell = () => setText(note, described(known.get(select.value)));
  const offer = (models) => {
    known = new Map(models.map((model) => [model.name, model]));
    const groups = Map.groupBy(models, (model) => model.provider);
    replace(select, option("", "The ladder, as configured"), [...groups].map(([provider, those]) =>
      h("optgroup", { label: GROUPS[provider] ?? provider }, those.map(modelOption))));
    tell();
  };
  const value = () => {
    const model = known.get(select.value);
    if (!model) return null;
    return model.provider === "baseline" ? { provider: "baseline", model_name: model.name } : { model_name: model.name };
  };
  tell();
  return { element: select, note, offer, value, set: (name) => { select.value = known.has(name) ? name : ""; tell(); } };
}

const option = (value, text, isOff = false) => h("option", { value, disabled: isOff }, text);

function modelOption(model) {
  const obstacle = obstacleOf(model);
  return option(model.name, [model.name, model.license, obstacle].filter(Boolean).join(" · "), obstacle !== "");
}

function obstacleOf({ allowed, installed }) {
  if (!allowed) return "not allowed here";
  if (installed === null) return "no runtime has it";
  return installed ? "" : "not installed";
}

function described(model) {
  if (!model) return "The first rung that can answer does.";
  const levels = model.quantile_levels === "none" ? "It gives no quantiles by itself." : "";
  const far = model.max_horizon ? `At most ${model.max_horizon} steps.` : "";
  return [model.description, `Licence ${model.license} (${model.license_tag.replaceAll("_", " ")}).`, levels, far].filter(Boolean).join(" ");
}

// The command that asks the same in a shell.

const MAX_ARGUMENT = 100_000;

/** A body too long for one argument goes in as a here-document. */
export function curlOf(origin, path, body, { needsKey = false } = {}) {
  const json = JSON.stringify(body);
  const head = [`curl -s ${quoted(origin + path)}`, `-H 'Content-Type: application/json'`];
  if (needsKey) head.push(`-H "Authorization: Bearer $TSFM_KEY"`);
  if (json.length < MAX_ARGUMENT) return [...head, `-d ${quoted(json)}`].join(" \\\n  ");
  return `${[...head, "--data-binary @- <<'END'"].join(" \\\n  ")}\n${json}\nEND`;
}

/** Inside single quotes a shell takes everything as it is, but another such quote. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

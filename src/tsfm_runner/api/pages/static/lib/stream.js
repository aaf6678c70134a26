// Server-sent events over fetch, which can send a key; reconnects by itself.

import { fetched } from "./api.js";
import { ApiError } from "./errors.js";
import { showConnection } from "./shell.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SILENCE_MS = 45_000; // the service sends a comment at least every 15 s
const TRIES_UNTIL_OFFLINE = 3;

/** @typedef {"connecting" | "live" | "reconnecting" | "offline" | "refused"} ConnectionState */

/**
 * Listen to the service until `stop` is called. Handlers are named after events
 * (`markets`, `signal`, `runtime`, `drift`, `hello`...) and get the parsed data.
 * `resync` is called whenever something may have been missed: ask for everything anew.
 * `state` is told every change of the connection, which the shell shows as well.
 * @param {Record<string, (data: any) => void>} handlers
 * @param {{path?: string}} [options]
 * @returns {{stop: () => void}}
 */
export function stream(handlers, { path = "/tsfm/stream" } = {}) {
  const listener = new Listener(handlers, path);
  void listener.listen();
  // A page in the back-forward cache must hold no connection, and wakes up behind.
  addEventListener("pagehide", () => listener.pause());
  addEventListener("pageshow", (event) => { if (event.persisted) listener.resume(); });
  addEventListener("online", () => listener.hurry());
  addEventListener("tsfm:key", () => listener.again());
  return { stop: () => listener.pause() };
}

class Listener {
  #handlers;
  #path;
  #lastId = null;
  #nFailures = 0;
  #hasLived = false;
  /** @type {AbortController | null} */
  #abort = null;
  #wake = () => {};
  #isPaused = false;
  #isRefused = false;

  constructor(handlers, path) {
    this.#handlers = handlers;
    this.#path = path;
  }

  pause() {
    this.#isPaused = true;
    this.#abort?.abort();
    this.#wake();
  }

  resume() {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    void this.listen();
  }

  /** A key was given: whoever was refused may be let in now. */
  again() {
    if (!this.#isRefused) return;
    this.#isRefused = false;
    this.#nFailures = 1; // what came in the meantime was missed
    void this.listen();
  }

  hurry() {
    this.#nFailures = 0;
    this.#wake();
  }

  async listen() {
    this.#tell("connecting");
    while (!this.#isPaused) {
      const refused = await this.#connect();
      if (this.#isPaused) return;
      if (refused) {
        this.#isRefused = true;
        this.#tell("refused");
        return;
      }
      this.#nFailures += 1;
      this.#tell(this.#nFailures > TRIES_UNTIL_OFFLINE ? "offline" : "reconnecting");
      await this.#wait();
    }
  }

  /** Read until the connection ends; return whether asking again is of no use. */
  async #connect() {
    this.#abort = new AbortController();
    let watchdog = this.#silence();
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#lastId !== null) headers["Last-Event-ID"] = this.#lastId;
      const answer = await fetched(this.#path, { headers, signal: this.#abort.signal });
      this.#opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const parse = parser((event) => this.#hand(event));
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return false;
        clearTimeout(watchdog);
        watchdog = this.#silence();
        parse(value);
      }
    } catch (error) {
      return error instanceof ApiError && (error.status === 401 || error.status === 404);
    } finally {
      clearTimeout(watchdog);
    }
  }

  #opened() {
    const mayHaveMissed = this.#hasLived || this.#nFailures > 0;
    this.#nFailures = 0;
    this.#tell("live");
    if (mayHaveMissed) this.#handlers.resync?.({});
    this.#hasLived = true;
  }

  #hand({ name, data, id }) {
    if (id !== null) this.#lastId = id;
    this.#handlers[name]?.(JSON.parse(data));
  }

  #silence() {
    const { signal } = this.#abort;
    return setTimeout(() => { if (!signal.aborted) this.#abort.abort(); }, SILENCE_MS);
  }

  #wait() {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#nFailures - 1));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, longest * (0.5 + Math.random() / 2));
      this.#wake = () => { clearTimeout(timer); resolve(undefined); };
    });
  }

  /** @param {ConnectionState} state */
  #tell(state) {
    showConnection(state);
    this.#handlers.state?.(state);
  }
}

/**
 * Return a function that takes text as it comes and calls `hand` for each event.
 * @param {(event: {name: string, data: string, id: string | null}) => void} hand
 */
export function parser(hand) {
  let rest = "";
  let name = "", id = null;
  /** @type {string[]} */
  let lines = [];
  const take = (line) => {
    if (line === "") {
      if (lines.length) hand({ name: name || "message", data: lines.join("\n"), id });
      [name, id, lines] = ["", null, []];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") lines.push(value);
    else if (field === "event") name = value;
    else if (field === "id") id = value;
  };
  return (text) => {
    const parts = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? "";
    parts.forEach(take);
  };
}

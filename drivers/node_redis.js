#!/usr/bin/env node
// Driver of node-redis 4 (docs/client-drivers.md), in Debian's place. It has no timeout of a command.
process.env.NODE_PATH ??= "/usr/share/nodejs";
require("module").Module._initPaths();
const redis = require("redis");
const { version } = require("redis/package.json");

const say = (what) => console.log(JSON.stringify(what));
const plain = (value) =>
  value instanceof redis.ErrorReply ? { error: value.message }
    : Array.isArray(value) ? value.map(plain) : value;

function kindOf(error) {
  if (error instanceof redis.ErrorReply || error.constructor.name === "ReplyError") return "server";
  if (error instanceof redis.AbortError && !/disconnect|closed/i.test(error.message)) return "cancelled";
  const text = `${error.name} ${error.constructor.name} ${error.code} ${error.message}`;
  if (/ECONN|EPIPE|closed|Disconnect|Socket|Offline/i.test(text)) return "closed";
  if (/protocol|reply type/i.test(text)) return "protocol";
  return "other";
}

let client;
let subscriber;
let connecting;
let aborts = {};
let pending = new Set();

function open(request) {
  client = redis.createClient({
    socket: {
      host: request.host,
      port: request.port,
      reconnectStrategy: (tries) => (request.retry ? 10 : new Error("no reconnecting")),
    },
  });
  subscriber = client.duplicate();
  for (const each of [client, subscriber]) each.on("error", () => {});
  client.on("ready", () => say({ state: "connected" }));
  for (const event of ["reconnecting", "end"]) client.on(event, () => say({ state: "disconnected" }));
  connecting = undefined;
  aborts = {};
  pending = new Set();
}

// A client that does not reconnect is connected again by its program.
async function connected(retry) {
  if (!client.isOpen) connecting = client.connect();
  if (!retry || !client.isReady) await connecting;
}

function run(id, words) {
  const abort = new AbortController();
  aborts[id] = abort;
  const done = connected(false)
    .then(() => client.sendCommand(words, { signal: abort.signal }))
    .then((value) => say({ id, reply: plain(value) }))
    .catch((error) => say({ id, error: String(error.message), kind: kindOf(error) }))
    .finally(() => pending.delete(done));
  pending.add(done);
  return done;
}

// The promise says that the confirmation has come; it is not handed out.
async function subscribe(id, channel) {
  try {
    if (!subscriber.isOpen) await subscriber.connect();
    await subscriber.subscribe(channel, (message) => say({ id, message }));
    say({ id, reply: ["subscribe", channel, 1] });
  } catch (error) {
    say({ id, error: String(error.message), kind: kindOf(error) });
  }
}

async function obey(request) {
  switch (request.do) {
    case "open": return open(request);
    case "command": {
      const done = run(request.id, request.words);
      return request.wait ? done : new Promise(setImmediate);
    }
    case "pipeline":
      return Promise.all(request.commands.map(({ id, words }) => run(id, words)));
    case "cancel":
      aborts[request.id].abort();
      return new Promise(setImmediate);
    case "subscribe": return subscribe(request.id, request.words[1]);
    case "tick": return new Promise(setImmediate);
    case "wait": return Promise.all(pending);
    case "close":
      for (const each of [client, subscriber]) if (each.isOpen) await each.disconnect().catch(() => {});
      return Promise.all(pending);
  }
}

say({ driver: 1, client: "node-redis " + version, can: ["async", "pipeline", "retry", "subscribe"] });
let last = Promise.resolve();
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  last = last.then(() => obey(JSON.parse(line))).then(() => say({ ready: true }));
});

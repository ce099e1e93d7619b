// Asking the API. The token, where one is wanted, is kept for this tab only.

const KEY = "cx-timelines-token";
const RETRY_MS = 2000;

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title ?? "no answer");
    this.problem = problem;
  }
}

export const setToken = (token) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function ask(path, signal) {
  const answer = await fetch(path, { headers: headers(), signal, cache: "no-store" });
  if (answer.ok) return answer;
  let problem = { status: answer.status, detail: `HTTP ${answer.status}` };
  try {
    problem = await answer.json();
  } catch {
    // Not one of our own answers: the status has to do.
  }
  throw new Refused(problem);
}

export const get = async (path) => (await ask(path)).json();

// Calls on.event(name, data) for what changes, on.open() at each new connection and on.lost(error) when one ends, for ever.
// An EventSource could not send the token.
export async function follow(on) {
  for (;;) {
    try {
      const answer = await ask("/api/live");
      on.open();
      await read(answer.body.pipeThrough(new TextDecoderStream()).getReader(), on);
      on.lost(new Error("the connection ended"));
    } catch (error) {
      if ((await on.lost(error)) === "stop") return;
    }
    await new Promise((resume) => setTimeout(resume, RETRY_MS));
  }
}

async function read(reader, on) {
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = { event: "message", data: "" };
      for (const line of block.split("\n")) {
        const [, name, text] = /^(event|data): ?(.*)$/.exec(line) ?? [];
        if (name) fields[name] = text;
      }
      if (fields.data) on.event(fields.event, JSON.parse(fields.data));
    }
  }
}

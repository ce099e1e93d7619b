// What reports say of records of cx.metrics: the sums of windows, and what is computed of these (contract, section 6).

const SHARES = [0.5, 0.9, 0.95];

// The sum of windows: of their figures, and of the counts of their histograms.
export function sum(windows) {
  const figures = {};
  const histograms = {};
  for (const window of windows) {
    for (const [name, value] of Object.entries(window.figures)) figures[name] = (figures[name] ?? 0) + value;
    for (const [name, counts] of Object.entries(window.histograms ?? {})) {
      const all = (histograms[name] ??= {});
      for (const [bound, count] of Object.entries(counts)) all[bound] = (all[bound] ?? 0) + count;
    }
  }
  return { figures, histograms };
}

// The least bound that so large a share of the values is not above: at most a tenth too high. Null where there are no values.
export function percentile(counts, share) {
  const all = Object.entries(counts ?? {}).map(([bound, count]) => [Number(bound), count]).sort(([a], [b]) => a - b);
  const total = all.reduce((sum, [, count]) => sum + count, 0);
  let left = Math.ceil(share * total);
  for (const [bound, count] of all) {
    left -= count;
    if (left <= 0 && total > 0) return bound;
  }
  return null;
}

function longest(histograms) {
  const all = histograms.map((counts) => percentile(counts, 1)).filter((bound) => bound !== null);
  return all.length > 0 ? Math.max(...all) : null;
}

const ratio = (part, whole) => (whole > 0 ? part / whole : null);

// The three service levels; which one a contact centre means is its own choice.
export const LEVELS = {
  1: {
    label: "type 1: without those who left in time",
    title: "answered in target / (offered − abandoned in target)",
    figures: ["answeredInTarget", "offered", "abandonedInTarget"],
    of: (figure) => ratio(figure("answeredInTarget"), figure("offered") - figure("abandonedInTarget")),
  },
  2: {
    label: "type 2: of all offered",
    title: "answered in target / offered",
    figures: ["answeredInTarget", "offered"],
    of: (figure) => ratio(figure("answeredInTarget"), figure("offered")),
  },
  3: {
    label: "type 3: those who left in time count as served",
    title: "(answered in target + abandoned in target) / offered",
    figures: ["answeredInTarget", "abandonedInTarget", "offered"],
    of: (figure) => ratio(figure("answeredInTarget") + figure("abandonedInTarget"), figure("offered")),
  },
};

// A column: its values are counts, milliseconds or shares; `explains` are the figures that it is made of.
function column(id, label, title, unit, explains, of) {
  return { id, label, title, unit, explains, of: ({ figures, histograms }) => of((name) => figures[name] ?? 0, histograms) };
}

const count = (name, label, title) => column(name, label, title, "count", [name], (figure) => figure(name));
const time = (name, label, title) => column(name, label, title, "ms", [name], (figure) => figure(name));
const mean = (id, label, title, part, whole) => column(id, label, title, "ms", [part, whole], (figure) => ratio(figure(part), figure(whole)));
const share = (id, label, title, part, whole) => column(id, label, title, "share", [part, whole], (figure) => ratio(figure(part), figure(whole)));

// Percentiles of a histogram; `figure` is the one whose contributions are the values.
function percentiles(histogram, figure, label, title, shares = SHARES) {
  return shares.map((share) => {
    const name = `p${Math.round(share * 100)}`;
    const explains = figure ? [figure] : [];
    return column(`${histogram}-${name}`, `${name} ${label}`, `${title}, of ${Math.round(share * 100)} % at most this (up to a tenth too high)`, "ms",
      explains, (_, histograms) => percentile(histograms[histogram], share));
  });
}

// Columns that say nothing where a contact centre does not have them are left out there.
const optional = (...columns) => columns.map((one) => ({ ...one, optional: true }));

const occupancy = column("occupancy", "Occupancy", "(engaged + wrap-up) / (logged in − not ready); above 100 % where an agent serves several at once", "share",
  ["engagedMs", "wrapUpMs", "loggedInMs", "notReadyMs"],
  (figure) => ratio(figure("engagedMs") + figure("wrapUpMs"), figure("loggedInMs") - figure("notReadyMs")));

const queueColumns = (level) => [
  count("offered", "Offered", "visits of the queue that began"),
  count("answered", "Answered", "visits that an agent ended"),
  count("abandoned", "Abandoned", "visits whose customer left"),
  column("level", `Service level ${level}`, LEVELS[level].title, "share", LEVELS[level].figures, LEVELS[level].of),
  mean("asa", "ASA", "average speed of answer: waits of the answered / answered", "answeredWaitMs", "answered"),
  ...percentiles("answeredWaitMs", "answeredWaitMs", "wait", "waits of the answered"),
  column("longest", "Longest wait", "the longest wait, answered or abandoned (up to a tenth too high)", "ms", ["answeredWaitMs", "abandonedWaitMs"],
    (_, histograms) => longest([histograms.answeredWaitMs, histograms.abandonedWaitMs])),
  share("abandonRate", "Abandon rate", "abandoned / offered", "abandoned", "offered"),
  count("ronas", "RONA", "times that an agent let a task ring"),
  ...optional(
    count("noAgent", "No agent", "visits for which no agent was found"), count("cancelled", "Cancelled", "visits whose task was closed"),
    count("transfersIn", "Transfers in", "visits that another agent handed over"), count("consults", "Consults", "agents who waited for advice")),
];

const agentColumns = () => [
  count("stays", "Stays", "conversations that the agent joined"),
  time("engagedMs", "Handle time", "time in conversations, without wrap-up"),
  time("wrapUpMs", "Wrap-up", "time in wrap-up"),
  count("responses", "Responses", "messages that answered a customer"),
  mean("response", "Response time", "average time to a response", "responseMs", "responses"),
  ...percentiles("responseMs", "agentResponseMs", "response", "times to a response, from the agent's joining on", [0.9]),
  ...optional(
    count("messages", "Messages", "messages of the agent"), count("callLegs", "Call legs", "call legs that ended"),
    time("talkMs", "Talk", "time in calls, not on hold"), time("holdMs", "Hold", "time on hold in calls"),
    time("loggedInMs", "Logged in", "time in any state but LOGOUT"), time("readyMs", "Ready", "time in state READY"),
    time("notReadyMs", "Not ready", "time in state NOT_READY"), occupancy),
];

const queueAgentColumns = () => [
  count("offered", "Offered", "tasks that were offered to the agent"),
  count("answered", "Answered", "tasks that the agent took"),
  count("ronas", "RONA", "tasks that the agent let ring"),
  count("done", "Done", "tasks that were brought to their end"),
  count("transferred", "Transferred", "tasks that were handed over"),
  ...percentiles("ringMs", "ringMs", "ring", "times from the offer to the answer", [0.5, 0.9]),
  ...percentiles("handleMs", "handleMs", "handle", "times from the answer to the wrap-up or the end", [0.5, 0.9]),
  time("handleMs", "Handle time", "time from the answers to the wrap-up or the end"),
  time("wrapUpMs", "Wrap-up", "time in wrap-up"),
];

const channelColumns = () => [
  count("conversations", "Conversations", "conversations that began on the channel"),
  count("contained", "Contained", "closed without need of an agent"),
  count("handled", "Handled", "closed, with an agent"),
  count("abandonedConversations", "Abandoned", "closed after a queue, without an agent"),
  ...percentiles("firstResponseMs", null, "first response", "times to the first response", [0.5, 0.9]),
  ...optional(
    count("noAgentConversations", "No agent", "closed because no agent was found"), count("reopened", "Opened again", "times that one was opened again"),
    count("customerMessages", "Customers' messages", "messages of customers"), count("agentMessages", "Agents' messages", "messages of agents"),
    count("botMessages", "Bots' messages", "messages of bots")),
];

const botColumns = () => [
  count("messages", "Messages", "messages of the bot"),
  count("responses", "Responses", "messages that answered a customer"),
  mean("response", "Response time", "average time to a response", "responseMs", "responses"),
  ...percentiles("responseMs", "responseMs", "response", "times to a response"),
  count("suggestions", "Suggestions", "events with suggestions"),
  count("timeouts", "Timeouts", "times that the bot took too long"),
];

// What each dimension is reported by. Of each chart's series the first stand at the bottom.
export const REPORTS = {
  queue: {
    columns: queueColumns, one: "Queue",
    charts: [
      { id: "offered", kind: "bars", title: "Visits by their end", series: [["answered", "WITH_AGENT"], ["abandoned", "WARN"], ["noAgent", "WRAP_UP"], ["cancelled", "CLOSED"]] },
      { id: "level", kind: "line", series: [["level", "LINK"]] },
    ],
  },
  agent: {
    columns: agentColumns, one: "Agent",
    charts: [
      { id: "times", kind: "bars", title: "Handle time and wrap-up", series: [["engagedMs", "WITH_AGENT"], ["wrapUpMs", "WRAP_UP"]] },
      { id: "responses", kind: "bars", title: "Responses", series: [["responses", "LINK"]] },
    ],
  },
  "queue-agent": {
    columns: queueAgentColumns, one: "Queue / agent",
    charts: [{ id: "tasks", kind: "bars", title: "Tasks", series: [["answered", "WITH_AGENT"], ["ronas", "WARN"]] }],
  },
  channel: {
    columns: channelColumns, one: "Channel",
    charts: [
      { id: "conversations", kind: "bars", title: "Conversations by their outcome", series: [["contained", "SELF"], ["handled", "WITH_AGENT"], ["abandonedConversations", "WARN"], ["noAgentConversations", "WRAP_UP"]] },
    ],
  },
  bot: { columns: botColumns, one: "Bot", charts: [{ id: "responses", kind: "bars", title: "Responses", series: [["responses", "SELF"]] }] },
};

/** An ask and its resolution in words for people.  Pure. */

/** The question, in one line. */
export function titleOf({ payload }) {
  switch (payload.type) {
    case "tool_approval":
      return `May ${payload.action_requests[0].name} run?`;
    case "ask_user_question":
      return payload.question || "The agent asks you something.";
    case "client_tool":
      return `${payload.name} is to be run by the program that started this answer.`;
    default:
      return messagesOf(payload)[0] || `${payload.name ?? "A tool"} asks for your input.`;
  }
}

/** What the requests of an elicitation say. */
export const messagesOf = ({ requests = {} }) =>
  Object.values(requests).map((request) => request?.params?.message).filter(Boolean);

/** How an ask was answered. */
export function outcomeOf({ decision, reason, always }) {
  const outcome = OUTCOMES[decision] ?? "Resolved";
  return [always ? "Allowed in this conversation" : outcome, reason].filter(Boolean).join(": ");
}

/** Whether an ask was answered with a yes, or with what was asked for. */
export const isGranted = ({ decision }) => ["approve", "edit", "respond"].includes(decision);

const OUTCOMES = {
  approve: "Allowed",
  edit: "Allowed with other arguments",
  reject: "Denied",
  respond: "Answered",
  expired: "Nobody answered in time",
  cancel: "Not answered: the answer was stopped",
};

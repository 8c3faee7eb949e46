/** The tree a conversation is, and the one path through it that is shown.  Pure. */

export const NO_PARENT = "00000000-0000-0000-0000-000000000000";

/**
 * The messages to show, top down, as rows `{message, parent, siblings, position}`.
 *
 * `messages` come oldest first, and may begin in mid-conversation.  Where a message has several
 * answers (or was edited), `chosen` maps their parent's id to the one to show; without a choice the
 * newest is shown.  The choice made last says where to begin.
 */
export function visibleRows(messages, chosen) {
  const byId = new Map(messages.map((each) => [each.messageId, each]));
  const children = Map.groupBy(messages, ({ parentMessageId }) => parentMessageId);
  const rows = [];
  for (let parent = topOf(messages, byId, chosen); children.has(parent); parent = rows.at(-1).message.messageId) {
    const siblings = children.get(parent);
    const wanted = siblings.findIndex(({ messageId }) => messageId === chosen.get(parent));
    const position = wanted < 0 ? siblings.length - 1 : wanted;
    rows.push({ message: siblings[position], parent, siblings, position });
    children.delete(parent); // a cycle in bad data ends here
  }
  return rows;
}

/** The choices that bring `message` into view: parent id -> id, for its ancestors and itself. */
export function pathTo(messages, message) {
  const byId = new Map(messages.map((each) => [each.messageId, each]));
  const path = new Map();
  for (let at = message; at; at = byId.get(at.parentMessageId)) {
    if (path.has(at.parentMessageId)) break; // a cycle in bad data
    path.set(at.parentMessageId, at.messageId);
  }
  return path;
}

/** The id that the topmost rows have as their parent: of no message that is known. */
function topOf(messages, byId, chosen) {
  const isTop = (message) => message && !byId.has(message.parentMessageId);
  const choice = [...chosen].findLast(([parent, id]) => isTop(byId.get(id)) && byId.get(id).parentMessageId === parent);
  if (choice) return choice[0];
  const above = messages.length > 0 ? [...pathTo(messages, messages.at(-1)).keys()].at(-1) : undefined;
  return byId.has(above) ? messages.findLast(isTop)?.parentMessageId : above;
}

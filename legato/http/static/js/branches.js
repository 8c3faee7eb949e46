/** The tree a conversation is, and the one path through it that is shown.  Pure. */

export const NO_PARENT = "00000000-0000-0000-0000-000000000000";

/**
 * The messages to show, top down, as rows `{message, parent, siblings, position}`.
 *
 * `messages` come oldest first.  Where a message has several answers (or was edited), `chosen` maps
 * their parent's id to the one to show; without a choice the newest is shown.
 */
export function visibleRows(messages, chosen) {
  const children = childrenByParent(messages);
  const rows = [];
  for (let parent = NO_PARENT; children.has(parent); parent = rows.at(-1).message.messageId) {
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
    const parent = byId.has(at.parentMessageId) ? at.parentMessageId : NO_PARENT;
    if (path.has(parent)) break; // a cycle in bad data
    path.set(parent, at.messageId);
  }
  return path;
}

function childrenByParent(messages) {
  const known = new Set(messages.map(({ messageId }) => messageId));
  const children = new Map();
  for (const message of messages) {
    const parent = known.has(message.parentMessageId) ? message.parentMessageId : NO_PARENT;
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(message);
  }
  return children;
}

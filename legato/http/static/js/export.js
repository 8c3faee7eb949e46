/** A conversation as a file.  Pure, but for `download`. */
import { textOfMessage } from "./fold.js";

/** The rows that are shown, as Markdown. */
export function asMarkdown(title, rows) {
  const parts = rows.map(({ message }) => `## ${authorOf(message)}\n\n${bodyOf(message)}`);
  return [`# ${title}`, ...parts].join("\n\n") + "\n";
}

/** All messages of all branches, as the server stores them. */
export function asJson(title, conversationId, messages) {
  return `${JSON.stringify({ conversationId, title, messages }, null, 2)}\n`;
}

/** Have the browser save `text` as a file. */
export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address)); // the browser has it once the click was handled
}

/** A name that every file system takes. */
export function fileName(title, ending) {
  const name = title.replace(/[^\p{L}\p{N} _-]+/gu, " ").replace(/\s+/g, " ").trim().slice(0, 80);
  return `${name || "conversation"}.${ending}`;
}

const authorOf = ({ isCreatedByUser, model, sender }) => (isCreatedByUser ? "You" : model || sender || "Answer");

function bodyOf(message) {
  const calls = (message.content ?? []).filter((part) => part?.type === "tool_call").map(({ tool_call: call }) =>
    `\`\`\`\n${call.name}(${call.args})\n${call.output ?? ""}\n\`\`\``);
  const steers = (message.content ?? []).filter((part) => part?.type === "steer").map(({ steer }) =>
    steer.replace(/^/gm, "> "));
  const errors = (message.content ?? []).filter((part) => part?.type === "error").map(({ error }) => `> ${error}`);
  return [...calls, ...steers, textOfMessage(message), ...errors].filter(Boolean).join("\n\n");
}

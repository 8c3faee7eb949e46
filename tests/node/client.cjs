// OpenAI's own client, unchanged but for what every user sets.

const OpenAI = require("openai");

const client = new OpenAI({
  baseURL: process.env.LEGATO_URL,
  apiKey: process.env.LEGATO_KEY,
  maxRetries: 0,
});

/** All that an async iterable gives. */
async function all(iterable) {
  const found = [];
  for await (const each of iterable) found.push(each);
  return found;
}

module.exports = { OpenAI, client, all };

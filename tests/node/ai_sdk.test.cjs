// The AI SDK with its OpenAI provider, unchanged but for what every user sets.

const assert = require("node:assert/strict");
const test = require("node:test");

const { createOpenAI } = require("@ai-sdk/openai");
const { generateText, streamText, tool } = require("ai");
const { z } = require("zod");

const openai = createOpenAI({ baseURL: process.env.LEGATO_URL, apiKey: process.env.LEGATO_KEY });
const tools = {
  scripted_tool: tool({
    inputSchema: z.object({ call: z.number(), text: z.string() }),
    execute: async ({ call }) => `result ${call}`,
  }),
};

for (const [api, model] of [
  ["responses", (name) => openai.responses(name)],
  ["chat completions", (name) => openai.chat(name)],
]) {
  test(`${api}: a second turn goes on from the first`, async () => {
    const messages = [{ role: "user", content: "Hi" }];
    const first = await generateText({ model: model("rich"), messages, maxRetries: 0 });
    assert.equal(first.text, "w0 w1 w2 ");
    assert.equal(first.toolCalls.length, 2);

    const [{ role, content }] = first.response.messages;
    const said = content.filter((part) => part.type !== "tool-call");
    messages.push({ role, content: said }, { role: "user", content: "And?" });
    const second = await generateText({ model: model("fast"), messages, maxRetries: 0 });
    assert.equal(second.text, "w0 w1 w2 ");
    assert.ok(second.usage.inputTokens > first.usage.inputTokens);
  });

  test(`${api}: a stream comes word for word`, async () => {
    const { textStream, finishReason } = streamText({ model: model("fast"), prompt: "Hi" });
    const words = [];
    for await (const word of textStream) words.push(word);

    assert.equal(words.join(""), "w0 w1 w2 ");
    assert.equal(await finishReason, "stop");
  });

  test(`${api}: tools are called, and their results go back`, async () => {
    let asked = 0;
    const { steps } = await generateText({
      model: model("rich"),
      prompt: "Hi",
      tools,
      maxRetries: 0,
      stopWhen: () => ++asked === 2,
    });

    assert.equal(steps.length, 2);
    assert.deepEqual(
      steps[0].toolResults.map(({ output }) => output),
      ["result 0", "result 1"],
    );
  });

  test(`${api}: an answer is cut where it is told to`, async () => {
    const cut = await generateText({ model: model("fast"), prompt: "Hi", maxOutputTokens: 2 });

    assert.equal(cut.text, "w0 w1 ");
    assert.equal(cut.finishReason, "length");
  });
}

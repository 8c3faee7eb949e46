const assert = require("node:assert/strict");
const test = require("node:test");

const { OpenAI, client, all } = require("./client.cjs");

const HI = { model: "scripted", messages: [{ role: "user", content: "Hi" }], tokens: 3, rate: 0 };
const create = (fields) => client.chat.completions.create({ ...HI, ...fields });
const textOf = (chunks) =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");

test("a whole answer", async () => {
  const answer = await create();

  assert.equal(answer.choices[0].message.content, "w0 w1 w2 ");
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.completion_tokens, 3);
});

test("a stream, and its usage", async () => {
  const chunks = await all(await create({ stream: true, stream_options: { include_usage: true } }));

  assert.equal(textOf(chunks), "w0 w1 w2 ");
  assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 3);
});

test("tool calls, put together by the client, and what came of them", async () => {
  const tools = [{ type: "function", function: { name: "scripted_tool", parameters: {} } }];
  const stream = client.chat.completions.stream({ ...HI, tools, tool_calls: 2 });
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];

  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(
    message.tool_calls.map((call) => JSON.parse(call.function.arguments).call),
    [0, 1],
  );
  const results = message.tool_calls.map((call) => {
    return { role: "tool", tool_call_id: call.id, content: "42" };
  });
  const answer = await create({ tools, messages: [...HI.messages, message, ...results] });
  assert.equal(answer.choices[0].message.content, "w0 w1 w2 ");
});

test("what is refused throws the proper class", async () => {
  await assert.rejects(create({ n: 9 }), (error) => {
    return error instanceof OpenAI.BadRequestError && error.param === "n";
  });
  await assert.rejects(create({ model: "gpt-0" }), (error) => {
    return error instanceof OpenAI.NotFoundError && error.code === "model_not_found";
  });
  await assert.rejects(create({ model: "played", stream: true }), (error) => {
    return error instanceof OpenAI.RateLimitError && error.code === "provider_rate_limited";
  });
  await assert.rejects(create({ fail_after: 0 }), OpenAI.InternalServerError);
  const stranger = client.withOptions({ apiKey: "sk-nobody" });
  await assert.rejects(stranger.chat.completions.create(HI), OpenAI.AuthenticationError);
});

test("what fails later throws in the stream", async () => {
  const chunks = [];
  await assert.rejects(
    async () => {
      for await (const chunk of await create({ stream: true, fail_after: 2 })) chunks.push(chunk);
    },
    (error) => error instanceof OpenAI.APIError && error.code === "provider_error",
  );
  assert.equal(textOf(chunks), "w0 w1 ");
});

test("a client that aborts stops the generation", async () => {
  const stream = await create({ model: "held", stream: true });
  const { value } = await stream[Symbol.asyncIterator]().next();
  stream.controller.abort();

  await assert.rejects(
    async () => all(await client.get(`/chat/completions/${value.id}/stream`, { stream: true })),
    (error) => error.code === "generation_stopped",
  );
});

test("a client that comes back gets exactly what it missed", async () => {
  const response = await create({
    stream: true,
    tokens: 20,
    rate: 200,
    cancel_on_disconnect: false,
  }).asResponse();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes('"w3 "')) seen += (await reader.read()).value;
  await reader.cancel();
  const [cursor] = seen.split("\n\n").find((frame) => frame.includes('"w3 "')).match(/(?<=id: ).*/);

  const path = `/chat/completions/chatcmpl-${response.headers.get("x-legato-job")}/stream`;
  const headers = { "Last-Event-ID": cursor };
  const chunks = await all(await client.get(path, { stream: true, headers }));
  const missed = Array.from({ length: 16 }, (_, index) => `w${index + 4} `).join("");
  assert.equal(textOf(chunks), missed);
});

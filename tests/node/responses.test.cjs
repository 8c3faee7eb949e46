const assert = require("node:assert/strict");
const test = require("node:test");

const { OpenAI, client, all } = require("./client.cjs");

const TOOL = {
  type: "function",
  name: "scripted_tool",
  parameters: { type: "object", properties: {} },
  strict: false,
};
const create = (fields) => client.responses.create({ model: "fast", input: "Hi", ...fields });
const numbersOf = (events) => events.map((event) => event.sequence_number);

test("a response is created, read, listed and deleted", async () => {
  const response = await create({ instructions: "Be brief.", metadata: { a: "b" } });

  assert.equal(response.output_text, "w0 w1 w2 ");
  assert.deepEqual([response.status, response.metadata], ["completed", { a: "b" }]);
  assert.deepEqual((await client.responses.retrieve(response.id)).output, response.output);
  const items = await all(client.responses.inputItems.list(response.id));
  assert.equal(items[0].content[0].text, "Hi");
  await client.responses.delete(response.id);
  await assert.rejects(client.responses.retrieve(response.id), OpenAI.NotFoundError);
});

test("a stream, and all its events", async () => {
  const events = await all(await create({ model: "rich", stream: true }));

  assert.deepEqual(numbersOf(events), [...events.keys()]);
  assert.equal(events[0].type, "response.created");
  assert.equal(events.at(-1).type, "response.completed");
  assert.equal(events.at(-1).response.output.length, 4);
});

test("the streaming helper puts the response together", async () => {
  const stream = client.responses.stream({ model: "rich", input: "Hi" });
  let text = "";
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  const final = await stream.finalResponse();

  assert.equal(text, "w0 w1 w2 ");
  assert.equal(final.output_text, text);
});

test("functions are called, and their results sent back", async () => {
  const first = await create({ model: "rich", tools: [TOOL] });
  const calls = first.output.filter((item) => item.type === "function_call");
  assert.deepEqual(
    calls.map((call) => JSON.parse(call.arguments).call),
    [0, 1],
  );
  const input = calls.map(({ call_id }) => {
    return { type: "function_call_output", call_id, output: "42" };
  });
  const chained = await create({ input, tools: [TOOL], previous_response_id: first.id });
  assert.equal(chained.previous_response_id, first.id);
  const history = [{ role: "user", content: "Hi" }, ...first.output, ...input];
  assert.equal((await create({ input: history, store: false })).status, "completed");
});

test("a background response is followed from where it was left", async () => {
  const stream = await create({ model: "held", background: true, stream: true });
  const seen = [];
  for await (const event of stream) {
    seen.push(event);
    if (seen.length === 8) break;
  }
  const id = seen[0].response.id;
  assert.equal((await client.responses.retrieve(id)).status, "in_progress");
  const stopped = await client.responses.cancel(id);
  assert.equal(stopped.status, "cancelled");
  assert.equal((await client.responses.cancel(id)).status, "cancelled");

  const rest = await all(await client.responses.retrieve(id, { stream: true, starting_after: 7 }));
  const whole = await all(await client.responses.retrieve(id, { stream: true }));
  assert.deepEqual([...seen, ...rest], whole);
  assert.equal(whole.at(-1).response.status, "cancelled");
  const again = client.responses.stream({ response_id: id, starting_after: 7 });
  assert.deepEqual(numbersOf(await all(again)), numbersOf(rest));
});

test("a client that aborts stops the response", async () => {
  const stream = await create({ model: "held", stream: true });
  const { value } = await stream[Symbol.asyncIterator]().next();
  stream.controller.abort();

  const { id } = value.response;
  const ended = await all(await client.responses.retrieve(id, { stream: true }));
  assert.equal(ended.at(-1).response.status, "cancelled");
});

test("a conversation is made short", async () => {
  const first = await create();
  const short = await client.responses.compact({ model: "fast", previous_response_id: first.id });
  const response = await create({ input: [...short.output, { role: "user", content: "on" }] });

  assert.equal(short.object, "response.compaction");
  assert.equal(response.status, "completed");
});

test("what is refused throws the proper class", async () => {
  const bad = (param, code) => (error) =>
    error instanceof OpenAI.BadRequestError && error.param === param && error.code === code;
  await assert.rejects(create({ temperature: 9 }), bad("temperature", null));
  await assert.rejects(
    create({ previous_response_id: "resp_gone" }),
    bad("previous_response_id", "previous_response_not_found"),
  );
  const response = await create();
  await assert.rejects(
    client.responses.retrieve(response.id, { stream: true, starting_after: 999 }),
    bad("starting_after", null),
  );
  await assert.rejects(client.responses.cancel("resp_gone"), OpenAI.NotFoundError);
  await assert.rejects(create({ model: "played" }), OpenAI.RateLimitError);
  await assert.rejects(create({ model: "refusing" }), OpenAI.InternalServerError);
  const stranger = client.withOptions({ apiKey: "sk-nobody" });
  await assert.rejects(
    stranger.responses.create({ model: "fast", input: "Hi" }),
    OpenAI.AuthenticationError,
  );
});

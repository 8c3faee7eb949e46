const assert = require("node:assert/strict");
const test = require("node:test");

const { OpenAI, client, all } = require("./client.cjs");

test("the models are listed, and one is found", async () => {
  const names = (await all(await client.models.list())).map((model) => model.id);

  assert.ok(names.includes("scripted"));
  assert.equal((await client.models.retrieve("scripted")).object, "model");
  await assert.rejects(client.models.retrieve("gpt-0"), OpenAI.NotFoundError);
});

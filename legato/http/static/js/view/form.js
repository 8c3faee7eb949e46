/** A form made of a JSON schema: a field for each simple property, JSON for what is more than that. */
import { el } from "./dom.js";

export class FormView {
  #fields; // [name, field]; one without a name where the value is no object
  element = el("div", { className: "fields" });

  /** `schema`: of the value; undefined for any text. */
  constructor(schema) {
    const { properties, required = [] } = schema ?? {};
    this.#fields = properties
      ? Object.entries(properties).map(([name, each]) => [name, fieldOf(name, each, required.includes(name))])
      : [[null, fieldOf("Answer", schema ?? { type: "string" }, true)]];
    this.element.append(...this.#fields.map(([, { element }]) => element));
  }

  /** What was filled in; optional fields that are empty are left out.  Throws SyntaxError. */
  get value() {
    const values = this.#fields.map(([name, field]) => [name, field.read()]);
    if (values[0]?.[0] === null) return values[0][1];
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  }
}

const INPUTS = { email: "email", uri: "url", date: "date" }; // format -> type of an input

/** `{element, read}`: a labelled control, and its value. */
function fieldOf(name, schema, required) {
  const { control, read } = controlOf(schema, required);
  const { title, description } = schema;
  const about = description ? el("span", { className: "field-about" }, description) : null;
  return { element: el("label", {}, el("span", {}, title ?? name), control, about), read: () => named(name, read) };
}

function controlOf(schema, required) {
  const choices = schema.enum ?? schema.oneOf?.map((each) => each.const);
  if (choices?.every((each) => typeof each === "string")) return choiceOf(schema, choices, required);
  switch (schema.type) {
    case "boolean": {
      const control = el("input", { type: "checkbox", checked: schema.default === true });
      return { control, read: () => control.checked };
    }
    case "number":
    case "integer":
      return inputOf({ type: "number", step: schema.type === "integer" ? "1" : "any" }, schema, required, Number);
    case "string":
      return inputOf({ type: INPUTS[schema.format] ?? "text", dir: "auto" }, schema, required, String);
    default:
      return jsonOf(schema, required);
  }
}

function choiceOf(schema, choices, required) {
  const names = schema.enumNames ?? schema.oneOf?.map((each) => each.title) ?? [];
  const options = choices.map((value, place) => el("option", { value }, names[place] ?? value));
  const control = el("select", { required }, ...(required ? [] : [el("option", { value: "" }, "")]), ...options);
  if (schema.default !== undefined) control.value = schema.default;
  return { control, read: () => control.value || undefined };
}

function inputOf(properties, schema, required, convert) {
  const control = el("input", { ...properties, required, value: schema.default ?? "" });
  return { control, read: () => (control.value === "" && !required ? undefined : convert(control.value)) };
}

function jsonOf(schema, required) {
  const value = schema.default === undefined ? "" : JSON.stringify(schema.default, null, 2);
  const control = el("textarea", { rows: 3, required, spellcheck: false, value, placeholder: "JSON" });
  return { control, read: () => (control.value.trim() === "" && !required ? undefined : JSON.parse(control.value)) };
}

function named(name, read) {
  try {
    return read();
  } catch (error) {
    throw new SyntaxError(`${name}: ${error.message}`);
  }
}

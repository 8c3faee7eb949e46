/** JSON as text that a person reads: indented, or as it is where it is not whole. */
export function indented(json) {
  try {
    return JSON.stringify(typeof json === "string" ? JSON.parse(json) : json, null, 2);
  } catch {
    return json; // still growing
  }
}

/** A stream by hand.  Pure. */

/**
 * The shell commands that follow a job from `cursor` on, "" being its beginning.  `address`: of its
 * stream; `user`: who reads.
 */
export function curlOf(address, cursor, user) {
  const url = cursor ? `${address}?after=${cursor}` : address; // a cursor has letters, digits and colons
  return [
    `TOKEN=$(legato token --user=${quoted(user)})`,
    `curl -N -H "Authorization: Bearer $TOKEN" ${quoted(url)}`,
  ].join("\n");
}

/** One word of a POSIX shell, whatever is in it. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A `fetch` whose bodies break at random places, as networks do. */

/**
 * `mean()`: how many bytes a body brings on average before it breaks; `cut()` is told of each break.
 */
export function cutting(fetch, { mean, cut, random = Math.random }) {
  return async (...request) => {
    const response = await fetch(...request);
    if (!response.ok || response.body === null) return response;
    const body = response.body.pipeThrough(breaking(1 + Math.floor(2 * mean() * random()), cut));
    return new Response(body, { status: response.status, headers: response.headers });
  };
}

/** Lets `left` bytes through, and breaks. */
function breaking(left, cut) {
  return new TransformStream({
    transform(bytes, controller) {
      controller.enqueue(bytes.subarray(0, left));
      left -= bytes.length;
      if (left > 0) return;
      cut();
      controller.error(new TypeError("cut, to see what comes of it"));
    },
  });
}

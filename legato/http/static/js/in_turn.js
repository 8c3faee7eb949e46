/**
 * A function whose runs follow one another: each begins when the one before has ended, however that
 * went.  Requests side by side may be answered in any order, and the older reply be shown last.
 */
export function inTurn(run) {
  let last = Promise.resolve();
  return (...given) => {
    const next = () => run(...given);
    return (last = last.then(next, next));
  };
}

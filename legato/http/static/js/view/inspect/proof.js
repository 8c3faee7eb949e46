/** Two readers side by side, and the verdict on what they have. */
import { setText } from "../dom.js";

export class ProofView {
  /** `parts`: elements of inspect.html.  `start()` and `stop()`: what the button does. */
  constructor(parts, { start, stop }) {
    Object.assign(this, { parts });
    parts.start.onclick = () => (this.isRunning ? stop() : start());
    this.show(null);
  }

  /** Show a proof; null: there is none. */
  show(proof) {
    const { parts } = this;
    this.isRunning = proof !== null && proof.verdict === null;
    setText(parts.start, this.isRunning ? "Stop" : "Prove it");
    parts.readers.hidden = proof === null;
    if (proof !== null) {
      parts.through.textContent = figuresOf(proof.through);
      parts.cut.textContent = figuresOf(proof.cut);
    }
    const { isEqual, text } = proof?.verdict ?? {};
    parts.verdict.className = proof?.verdict ? (isEqual ? "verdict equal" : "verdict different") : "verdict";
    setText(parts.verdict, text ?? (proof === null ? "" : sofarOf(proof)));
  }
}

const figuresOf = ({ events, bytes, cuts }) =>
  `${events.length.toLocaleString()} events · ${bytes.toLocaleString()} bytes · ${cuts === 1 ? "cut once" : `cut ${cuts.toLocaleString()} times`}`;

const sofarOf = ({ difference }) => (difference === null ? "Equal so far …" : `Different: ${difference}.`);

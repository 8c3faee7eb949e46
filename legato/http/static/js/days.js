/** When something was, in a word or two.  Pure. */

const DAY = 86_400_000; // ms
const RECENT = 7; // days

/** The group of a time among `now`: Today, Yesterday, Last 7 days, or its month. */
export function groupOf(text, now = new Date()) {
  const date = new Date(text);
  const days = Math.round((midnight(now) - midnight(date)) / DAY); // a day of a clock change has 23 or 25 hours
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days <= RECENT) return `Last ${RECENT} days`;
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return date.toLocaleDateString([], { month: "long", ...year });
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

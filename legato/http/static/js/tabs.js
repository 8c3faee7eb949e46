/** What the tabs of one browser tell one another. */
import { BASE } from "./api.js";

const channel = new BroadcastChannel(`legato ${BASE}`); // another Legato may have the same origin

/** The reader logs out in this tab: the other tabs are to show nothing of this reader, either. */
export const tellLogOut = () => channel.postMessage("log out");

/** Call `leave` when the reader logs out in another tab. */
export function onLogOut(leave) {
  channel.onmessage = ({ data }) => data === "log out" && leave();
}

/** What a person chooses for this browser, the keys, and what concerns all conversations. */
const THEME = "legato.theme"; // in localStorage; theme.js reads it before the first paint

export class SettingsView {
  /** `actions`: removeAll. */
  constructor($, actions) {
    this.dialog = $("settings");
    $("open-settings").onclick = () => this.show();
    $("theme").value = document.documentElement.dataset.theme;
    $("theme").onchange = () => setTheme($("theme").value);
    $("remove-all").onclick = () => {
      this.dialog.close();
      actions.removeAll();
    };
    document.addEventListener("keydown", (event) => {
      const isWriting = event.target.closest("input, textarea, select");
      if (isWriting || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
      if (event.key === "?") this.show();
      else if (event.key === "/") $("text").focus();
      else return;
      event.preventDefault();
    });
  }

  show() {
    this.dialog.showModal();
  }
}

function setTheme(theme) {
  localStorage.setItem(THEME, theme);
  document.documentElement.dataset.theme = theme;
}

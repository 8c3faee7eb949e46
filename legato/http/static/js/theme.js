// Before the first paint, so a chosen theme does not flash: a classic script, no module.
document.documentElement.dataset.theme = localStorage.getItem("legato.theme") ?? "system";

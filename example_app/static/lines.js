// Shows empty invoice lines one at a time, and adds more of them.
"use strict";
const rows = document.getElementById("line-rows");
const button = document.getElementById("add-line");
const most = 50;

rows.querySelectorAll(".line.spare:not(:first-child)").forEach((row) => (row.hidden = true));
button.hidden = false;

function copyOfLast() {
  const row = rows.lastElementChild.cloneNode(true);
  const index = rows.children.length;
  row.querySelector("legend").textContent = `Line ${index + 1}`;
  row.querySelectorAll(".error-text").forEach((text) => text.remove());
  row.querySelectorAll(".wrong").forEach((field) => field.classList.remove("wrong"));
  for (const element of row.querySelectorAll("[name], [for]")) {
    for (const attribute of ["name", "id", "for"]) {
      const value = element.getAttribute(attribute);
      if (value) element.setAttribute(attribute, value.replace(/lines-\d+-/, `lines-${index}-`));
    }
    if (element.name) {
      element.value = "";
      element.removeAttribute("aria-invalid");
      element.removeAttribute("aria-describedby");
    }
  }
  rows.append(row);
  return row;
}

button.addEventListener("click", () => {
  const row = rows.querySelector(".line[hidden]") || copyOfLast();
  row.hidden = false;
  row.querySelector("input").focus();
  button.hidden = rows.children.length >= most && !rows.querySelector(".line[hidden]");
});

import "virtual:report.css";
import "./style.css";
import { acceptDrops } from "./drop.js";
import { digitModel } from "./example.js";
import { choose, chosenModel, jobOf, limitFlash, tidy } from "./form.js";
import { cancel, forget, start } from "./job.js";
import {
  hideProblem,
  showFacts,
  showFrontier,
  showProblem,
  showProgress,
  showReport,
  showResult,
  showRunning,
  tell,
} from "./show.js";

const form = document.querySelector("#form");

function failed(problem) {
  showRunning(false);
  showProblem(problem);
}

function look() {
  const chosen = chosenModel();
  hideProblem();
  forget();
  for (const id of ["facts", "result"]) document.getElementById(id).hidden = true;
  if (chosen === undefined) return;
  showRunning(true);
  tell(`Reading ${chosen.model.name}…`);
  start(
    { kind: "draft", ...chosen },
    {
      failed,
      done(facts) {
        showRunning(false);
        showFacts(facts);
      },
    },
  );
}

function compile() {
  const job = jobOf();
  let name = "";
  hideProblem();
  showRunning(true);
  tell("Reading the model…");
  start(job, {
    failed,
    progress: showProgress,
    compiled(compiled) {
      name = compiled.name;
      showResult(compiled);
      tell(`${name} is ready.`, job.budget ? "Looking what more bytes would buy…" : "");
      document.querySelector("#result-name").focus();
    },
    frontier: (found) =>
      showFrontier(found, (bytes) => {
        limitFlash(bytes);
        form.requestSubmit();
      }),
    done({ page }) {
      showRunning(false);
      showReport(name, page);
      tell(`${name} is ready.`);
    },
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  compile();
});
form.addEventListener("input", tidy);
form.addEventListener("change", tidy);
document.querySelector("#model").addEventListener("change", look);
document.querySelector("#cancel").addEventListener("click", () => {
  cancel();
  showRunning(false);
  tell("Cancelled. What was measured is kept: Compile goes on from there.");
});
document.querySelector("#example").addEventListener("click", async () => {
  const { model, labels, samples } = await digitModel();
  choose("labels", [labels]);
  choose("samples", samples);
  choose("model", [model]);
  document.querySelector("#numbers").value = "unit";
});
acceptDrops(document.documentElement);
tidy();

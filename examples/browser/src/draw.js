// A canvas, a pen, and the digit model at every stroke.
import { InferenceSession } from "dyadic";
import { digitImage } from "./digit-image.js";
import { showClasses } from "./table.js";

const STEP = 10; // of the keyboard's pen, in pixels of the canvas
const INK = "#14213d";

const paper = document.querySelector("#paper");
const answer = document.querySelector("#answer");
const status = document.querySelector("#status");
const context = paper.getContext("2d", { willReadFrequently: true });
const keyboard = { x: paper.width / 2, y: paper.height / 4, isDown: false };

const session = await InferenceSession.create("digits.dyad").catch((error) => {
  status.textContent = error.message;
  throw error;
});
clear();
status.textContent = "Ready.";

function clear() {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, paper.width, paper.height);
  answer.textContent = "–";
  showClasses([]);
  status.textContent = "The paper is empty.";
}

function stroke(from, to) {
  context.strokeStyle = INK;
  context.lineWidth = 20;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}

async function classify() {
  const image = digitImage(paper);
  if (image === undefined) return;
  const began = performance.now();
  const { probabilities } = await session.run({ image });
  const duration = performance.now() - began;
  const scores = probabilities.dequantize();
  const best = scores.indexOf(Math.max(...scores));
  answer.textContent = `${best}`;
  showClasses(Array.from(scores, (score, digit) => ({ name: `${digit}`, score })));
  status.textContent = `${best}, with probability ${scores[best].toFixed(2)}; computed in ${duration < 0.1 ? "less than 0.1" : duration.toFixed(1)} ms.`;
}

function placeOf(event) {
  const { left, top, width, height } = paper.getBoundingClientRect();
  return {
    x: ((event.clientX - left) / width) * paper.width,
    y: ((event.clientY - top) / height) * paper.height,
  };
}

let last;
paper.addEventListener("pointerdown", (event) => {
  paper.setPointerCapture(event.pointerId);
  last = placeOf(event);
  stroke(last, last);
});
paper.addEventListener("pointermove", (event) => {
  if (last === undefined) return;
  const place = placeOf(event);
  stroke(last, place);
  last = place;
  classify();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, () => {
    last = undefined;
    classify();
  });
}

const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
paper.addEventListener("keydown", (event) => {
  const move = MOVES[event.key];
  if (move !== undefined) movePen(move);
  else if (event.key === " ") lowerPen();
  else if (event.key === "Delete" || event.key === "Backspace") clear();
  else return;
  event.preventDefault();
});
document.querySelector("#clear").addEventListener("click", clear);

function movePen([dx, dy]) {
  const to = {
    x: Math.min(paper.width, Math.max(0, keyboard.x + dx)),
    y: Math.min(paper.height, Math.max(0, keyboard.y + dy)),
  };
  if (keyboard.isDown) stroke(keyboard, to);
  Object.assign(keyboard, to);
  if (keyboard.isDown) classify();
  else status.textContent = `Pen lifted, at ${to.x} across and ${to.y} down.`;
}

function lowerPen() {
  keyboard.isDown = !keyboard.isDown;
  if (keyboard.isDown) stroke(keyboard, keyboard);
  status.textContent = keyboard.isDown ? "Pen down." : "Pen lifted.";
}

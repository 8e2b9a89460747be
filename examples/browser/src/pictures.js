// A model that the user brings, on a picture or on the camera.
import { InferenceSession } from "dyadic";
import { showClasses } from "./table.js";

const BEST = 5;

const status = document.querySelector("#status");
const preview = document.querySelector("#preview");
const cameraButton = document.querySelector("#camera");
let session;
let labels;
let picture;
let stream;

/** Runs an action of the user; what goes wrong is told on the page. */
function guarded(action) {
  return async (event) => {
    try {
      await action(event);
    } catch (error) {
      status.textContent = error.message;
    }
  };
}

document.querySelector("#model").addEventListener(
  "change",
  guarded(async ({ target }) => {
    const [file] = target.files;
    if (file === undefined) return;
    const onProgress = (loaded, total) => {
      status.textContent = `Loading ${file.name}: ${Math.round((100 * loaded) / total)} %`;
    };
    const next = await InferenceSession.create(file.stream(), { file: file.name, onProgress });
    session?.dispose(); // only now: a model that does not load leaves the one before it in place
    session = next;
    const [{ shape }] = session.inputMetadata;
    [preview.height, preview.width] = shape.length === 4 ? shape.slice(1, 3) : [224, 224];
    status.textContent = `${file.name}: takes ${shape.join(" × ")}, uses ${(session.memoryBytes / 2 ** 20).toFixed(1)} MiB.`;
    if (picture !== undefined) await classify(picture);
  }),
);

document.querySelector("#labels").addEventListener(
  "change",
  guarded(async ({ target }) => {
    labels = target.files[0] && (await target.files[0].text()).trimEnd().split(/\r?\n/);
    if (session !== undefined && picture !== undefined) await classify(picture);
  }),
);

document.querySelector("#picture").addEventListener(
  "change",
  guarded(async ({ target }) => {
    const [file] = target.files;
    if (file === undefined) return;
    picture = await createImageBitmap(file);
    await classify(picture);
  }),
);

cameraButton.addEventListener(
  "click",
  guarded(async () => {
    if (stream !== undefined) return stopCamera();
    const wanted = { video: { facingMode: "environment", width: 640, height: 480 } };
    stream = await navigator.mediaDevices.getUserMedia(wanted);
    cameraButton.textContent = "Stop the camera";
    cameraButton.ariaPressed = "true";
    const video = Object.assign(document.createElement("video"), {
      srcObject: stream,
      muted: true,
      playsInline: true,
    });
    await video.play();
    const watch = guarded(async () => {
      if (stream === undefined) return;
      await classify(video);
      requestAnimationFrame(watch);
    });
    await watch();
  }),
);

function stopCamera() {
  for (const track of stream.getTracks()) track.stop();
  stream = undefined;
  cameraButton.textContent = "Start the camera";
  cameraButton.ariaPressed = "false";
}

async function classify(source) {
  show(source);
  if (session === undefined) {
    status.textContent = "Choose a model.";
    return;
  }
  const [{ name }] = session.inputMetadata;
  const began = performance.now();
  const [output] = Object.values(await session.run({ [name]: source }));
  const duration = performance.now() - began;
  const names = labels ?? output.labels;
  const classes = Array.from(output.dequantize(), (score, i) => ({
    name: names?.[i] ?? `class ${i}`,
    score,
  }));
  classes.sort((a, b) => b.score - a.score);
  showClasses(classes.slice(0, BEST));
  status.textContent = `${classes[0].name}; computed in ${duration.toFixed(1)} ms.`;
}

/** The part of the picture that the model sees. */
function show(source) {
  const [width, height] = [source.videoWidth ?? source.width, source.videoHeight ?? source.height];
  const part = Math.min(width / preview.width, height / preview.height);
  const [w, h] = [part * preview.width, part * preview.height];
  const context = preview.getContext("2d");
  context.drawImage(source, (width - w) / 2, (height - h) / 2, w, h, 0, 0, preview.width, preview.height);
}

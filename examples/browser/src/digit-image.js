// A drawing as MNIST has its digits: light on dark, 20 pixels in the larger direction, the centre of mass in the middle.

const SIDE = 28;
const DIGIT = 20;

/** 28 x 28 bytes, or undefined where nothing is drawn. */
export function digitImage(canvas) {
  const ink = inkOf(canvas, canvas.width, canvas.height);
  const box = boundsOf(ink, canvas.width, canvas.height);
  if (box === undefined) return undefined;
  const scale = DIGIT / Math.max(box.width, box.height);
  const draw = (left, top) => {
    const small = new OffscreenCanvas(SIDE, SIDE);
    const context = small.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    context.imageSmoothingQuality = "high";
    const [width, height] = [box.width * scale, box.height * scale];
    context.drawImage(canvas, box.left, box.top, box.width, box.height, left, top, width, height);
    return inkOf(small, SIDE, SIDE);
  };
  const [left, top] = [(SIDE - box.width * scale) / 2, (SIDE - box.height * scale) / 2];
  const mass = centreOf(draw(left, top));
  return draw(left + (SIDE - 1) / 2 - mass.x, top + (SIDE - 1) / 2 - mass.y);
}

/** How dark every pixel is. */
function inkOf(canvas, width, height) {
  const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  return Uint8Array.from({ length: width * height }, (_, i) => 255 - data[4 * i]);
}

function boundsOf(ink, width, height) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let i = 0; i < ink.length; i++) {
    if (ink[i] < 32) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

function centreOf(ink) {
  let [sum, x, y] = [0, 0, 0];
  ink.forEach((value, i) => {
    sum += value;
    x += value * (i % SIDE);
    y += value * Math.floor(i / SIDE);
  });
  return { x: x / sum, y: y / sum };
}

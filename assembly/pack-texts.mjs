// String literals as AssemblyScript stores them take two bytes a character and 20 more each. The command's are ASCII,
// read by `print` alone: here they become one byte a character with a zero behind, still under the type `string`.

const TOKENS = /\/\/.*|\/\*[\s\S]*?\*\/|\bfrom\s+"[^"]*"|@external\([^)]*\)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

/** A source of AssemblyScript with its literals packed. Throws where one is not ASCII. */
export function packTexts(source) {
  return source.replace(TOKENS, (token) => (/^["']/.test(token) ? packed(token) : token));
}

function packed(literal) {
  const inner = literal.slice(1, -1);
  const text = JSON.parse(`"${literal.startsWith('"') ? inner : inner.replaceAll('"', '\\"')}"`);
  const bytes = Array.from(text, (character) => character.charCodeAt(0));
  if (bytes.some((byte) => byte === 0 || byte > 0x7e)) throw new Error(`not ASCII: ${literal}`);
  return `changetype<string>(memory.data<u8>([${[...bytes, 0]}], 1))`;
}

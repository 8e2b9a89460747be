// Part of the runtime that ships to devices: only the contract constants and the error class come with it.
import {
  FORMAT_MAJOR,
  FORMAT_MINOR,
  KIND_HEADER,
  KIND_IO,
  MAGIC,
  MAX_SECTIONS,
  PREFIX_ARENA_BYTES,
  PREFIX_BYTES,
  PREFIX_FEATURES,
  PREFIX_FILE_BYTES,
  PREFIX_MAGIC,
  PREFIX_MAJOR,
  PREFIX_MINOR,
  PREFIX_SECTION_COUNT,
  SECTION_ALIGNMENT,
  SECTION_BYTES,
  SECTION_CRITICAL,
  SECTION_ENTRY_BYTES,
  SECTION_FLAGS,
  SECTION_KIND,
  SECTION_OFFSET,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { type IoTensor, readIo } from "./io.ts";

/** One entry of the section table, with the section's own bytes (a view, not a copy). */
export interface Section {
  readonly kind: number;
  readonly critical: boolean;
  readonly bytes: Uint8Array;
}

/** What the host reads of a model file; the plan and the weights are the engine's. */
export interface ModelFile {
  readonly minor: number;
  /** Bits of what an engine must know (assembly/abi.ts). */
  readonly features: bigint;
  readonly arenaBytes: number;
  readonly sections: readonly Section[];
  readonly io: readonly IoTensor[];
}

/**
 * Reads the prefix, the section table and the io section, every offset checked.
 * Throws BAD_FILE where it is not a model at all, UNSUPPORTED_VERSION, or CORRUPT with the section and the field.
 *
 * @param file name for messages
 */
export function readModel(bytes: Uint8Array, file?: string): ModelFile {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    checkPrefix(view);
    const sections = readSections(bytes, view);
    return {
      minor: view.getUint16(PREFIX_MINOR, true),
      features: view.getBigUint64(PREFIX_FEATURES, true),
      arenaBytes: view.getUint32(PREFIX_ARENA_BYTES, true),
      sections,
      io: readIo(sectionOfKind(sections, KIND_IO, "io")),
    };
  } catch (error) {
    throw error instanceof DyadicError && file !== undefined ? error.at({ file }) : error;
  }
}

/** The bytes of the one section of a kind; throws CORRUPT where there is none. */
export function sectionOfKind(sections: readonly Section[], kind: number, name: string): Uint8Array {
  const section = sections.find((candidate) => candidate.kind === kind);
  if (section !== undefined) return section.bytes;
  throw new DyadicError("CORRUPT", `the ${name} section is missing`);
}

/** Throws BAD_FILE or UNSUPPORTED_VERSION where the first 64 bytes are not those of a model that this version reads. */
export function checkVersion(view: DataView): void {
  const size = view.byteLength;
  if (size < PREFIX_BYTES || view.getUint32(PREFIX_MAGIC, true) !== MAGIC) {
    throw new DyadicError("BAD_FILE", "this is not a Dyadic model", {
      expected: 'a file that starts with "DYAD"',
      found: `${size} bytes`,
      hint: "compile .onnx and .tflite models to .dyad first",
    });
  }
  const [major, minor] = [view.getUint16(PREFIX_MAJOR, true), view.getUint16(PREFIX_MINOR, true)];
  if (major !== FORMAT_MAJOR || minor > FORMAT_MINOR) {
    throw new DyadicError("UNSUPPORTED_VERSION", "this model is of another version of the format", {
      expected: `${FORMAT_MAJOR}.0 to ${FORMAT_MAJOR}.${FORMAT_MINOR}`,
      found: `${major}.${minor}`,
      hint: "update dyadic, or compile the model again",
    });
  }
}

function checkPrefix(view: DataView): void {
  checkVersion(view);
  const stated = view.getUint32(PREFIX_FILE_BYTES, true);
  const size = view.byteLength;
  if (stated !== size) {
    throw new DyadicError("CORRUPT", "the file is cut short or too long", {
      expected: `${stated} bytes`,
      found: `${size}`,
      hint: "fetch the file again",
    });
  }
}

function readSections(bytes: Uint8Array, view: DataView): Section[] {
  const count = view.getUint32(PREFIX_SECTION_COUNT, true);
  const tableEnd = PREFIX_BYTES + count * SECTION_ENTRY_BYTES;
  if (count > MAX_SECTIONS || tableEnd > bytes.length) {
    throw new DyadicError("CORRUPT", "the section table does not fit", {
      expected: `at most ${MAX_SECTIONS} sections`,
      found: `${count}`,
    });
  }
  let end = tableEnd;
  const seen = new Set<number>();
  return Array.from({ length: count }, (_, i) => {
    const entry = PREFIX_BYTES + i * SECTION_ENTRY_BYTES;
    const kind = view.getUint32(entry + SECTION_KIND, true);
    const known = kind >= KIND_IO && kind <= KIND_HEADER;
    const offset = view.getUint32(entry + SECTION_OFFSET, true);
    const length = view.getUint32(entry + SECTION_BYTES, true);
    if (
      offset % SECTION_ALIGNMENT !== 0 ||
      offset < end ||
      offset + length > bytes.length ||
      seen.has(kind)
    ) {
      throw new DyadicError("CORRUPT", `section ${i} of kind ${kind} lies wrong or is there twice`, {
        expected: `a multiple of ${SECTION_ALIGNMENT} from ${end}, ending by ${bytes.length}`,
        found: `${offset} to ${offset + length}`,
      });
    }
    seen.add(kind);
    end = offset + length;
    const critical = (view.getUint32(entry + SECTION_FLAGS, true) & SECTION_CRITICAL) !== 0;
    if (critical && !known) {
      throw new DyadicError(
        "UNSUPPORTED_VERSION",
        `the model needs a section of kind ${kind}, unknown here`,
        {
          hint: "update dyadic",
        },
      );
    }
    return { kind, critical, bytes: bytes.subarray(offset, end) };
  });
}

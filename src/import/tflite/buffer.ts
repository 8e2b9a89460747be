import { ByteBuffer } from "flatbuffers";
import { DyadicError } from "../../error.ts";

/** Bytes that a reader may look at for each byte of the file, and on top of that. */
const READS_PER_BYTE = 16;
const SPARE_READS = 1 << 16;

/**
 * A flatbuffer that nobody vouches for. Every read is checked against the file, and all reads together against a
 * budget: offsets may point anywhere, so a small file could otherwise ask for the same bytes without end.
 * Throws BAD_FILE, without the file's name.
 */
export class CheckedBuffer extends ByteBuffer {
  private budget: number;

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.budget = READS_PER_BYTE * bytes.length + SPARE_READS;
  }

  /** Claims `length` bytes at `offset`: they are in the file, and the budget allows to read them. */
  claim(offset: number, length: number): void {
    const end = offset + length;
    if (!(offset >= 0 && length >= 0 && end <= this.capacity())) {
      throw new DyadicError("BAD_FILE", "an offset points outside the file", {
        expected: `at most ${this.capacity()} bytes`,
        found: `${length} bytes at ${offset}`,
        hint: "the file is damaged or truncated; fetch or export it again",
      });
    }
    this.budget -= length;
    if (this.budget < 0) {
      throw new DyadicError("BAD_FILE", "the file refers to the same bytes over and over", {
        hint: "no exporter writes such a file; export the model again",
      });
    }
  }

  override readUint8(offset: number): number {
    this.claim(offset, 1);
    return super.readUint8(offset);
  }

  override readUint16(offset: number): number {
    this.claim(offset, 2);
    return super.readUint16(offset);
  }

  override readInt32(offset: number): number {
    this.claim(offset, 4);
    return super.readInt32(offset);
  }

  override __string(offset: number): string {
    const start = this.__vector(offset);
    this.claim(start, this.__vector_len(offset));
    return super.__string(offset) as string;
  }

  override __vector_len(offset: number): number {
    const length = super.__vector_len(offset);
    if (length < 0 || this.__vector(offset) + length > this.capacity()) {
      throw new DyadicError("BAD_FILE", "a vector reaches past the end of the file", {
        expected: `at most ${this.capacity() - this.__vector(offset)} elements`,
        found: `${length}`,
        hint: "the file is damaged or truncated; fetch or export it again",
      });
    }
    return length;
  }
}

// The one source shared by both compilers: literal constants of the file format and of the engine's ABI.
// No types, no imports. Byte-level meaning of every record: src/model/README.md.

export const ABI_VERSION = 1;

// --- prefix, 64 bytes at the start of a file --------------------------------------------------------
export const MAGIC = 0x44415944; // "DYAD", little-endian
export const FORMAT_MAJOR = 1;
export const FORMAT_MINOR = 0;
export const PREFIX_BYTES = 64;
export const PREFIX_MAGIC = 0; // u32
export const PREFIX_MAJOR = 4; // u16
export const PREFIX_MINOR = 6; // u16
export const PREFIX_FILE_BYTES = 8; // u32
export const PREFIX_FEATURES = 12; // u64: bit n < 48 is opcode n; widths and dtypes from bit 48
export const PREFIX_SECTION_COUNT = 20; // u32
export const PREFIX_ARENA_BYTES = 24; // u32: tensors with halos, and scratch
export const PREFIX_RESERVED = 28; // u32, zero
export const PREFIX_DIGEST = 32; // SHA-256 of the whole file, computed with these 32 bytes zero

export const FEATURE_A8 = 48;
export const FEATURE_W8 = 49; // the bit of a contract with weights is FEATURE_W8 + contract - CONTRACT_A8W8
export const FEATURE_W1 = 56;
export const FEATURE_A4 = 57;
export const FEATURE_A2 = 58;
export const FEATURE_A1 = 59;
export const FEATURE_A16 = 60;

// --- section table, directly behind the prefix -------------------------------------------------------
export const SECTION_ENTRY_BYTES = 16; // kind, flags, offset, bytes: u32 each
export const SECTION_KIND = 0;
export const SECTION_FLAGS = 4;
export const SECTION_OFFSET = 8;
export const SECTION_BYTES = 12;
export const SECTION_CRITICAL = 1; // flag: an engine that does not know the kind refuses the file
export const SECTION_ALIGNMENT = 64;
export const MAX_SECTIONS = 16;

export const KIND_IO = 1;
export const KIND_PLAN = 2;
export const KIND_WEIGHTS = 3;
export const KIND_HEADER = 4;

// --- io section: count (u32), three reserved words, then records, then a blob of text and tables ------
export const IO_HEADER_BYTES = 16;
export const IO_RECORD_BYTES = 128;
export const IO_ROLE = 0;
export const IO_TENSOR = 4; // index into the plan's tensors
export const IO_DTYPE = 8; // what the host hands over or receives
export const IO_BYTES = 12; // dense canonical bytes
export const IO_SCALE = 16; // f32 bits; never read by the engine
export const IO_ZERO_POINT = 20; // i32, in the range of IO_DTYPE
export const IO_ZERO_POINTS_AT = 24; // per-channel zero points (i32 each), 0 if none
export const IO_ZERO_POINTS_COUNT = 28;
export const IO_NAME_AT = 32; // byte offset from the section's start
export const IO_NAME_BYTES = 36;
export const IO_LABELS_AT = 40; // UTF-8, one a line, 0 if none
export const IO_LABELS_BYTES = 44;
export const IO_LAYOUT = 48; // layout of the original shape
export const IO_ORIGINAL_RANK = 52;
export const IO_ORIGINAL_SHAPE = 56; // 8 words
export const IO_CANONICAL_SHAPE = 88; // height, width, channels
export const IO_RESERVED = 100; // 7 words, zero
export const IO_MAX_RANK = 8;

export const ROLE_INPUT = 1;
export const ROLE_OUTPUT = 2;
export const ROLE_STATE = 3;

export const LAYOUT_FLAT = 0;
export const LAYOUT_NHWC = 1;
export const LAYOUT_NCHW = 2;

export const DTYPE_INT8 = 1;
export const DTYPE_UINT8 = 2;
export const DTYPE_INT16 = 3; // of tensors inside: two bytes a code, zero point 0
export const DTYPE_INT32 = 4;
export const DTYPE_INT4 = 5; // of tensors inside: every pixel starts on a byte, the lowest bits first
export const DTYPE_INT2 = 6;
export const DTYPE_UINT1 = 7;

// --- plan section: header, tensor records, step records; all words are i32 ---------------------------
export const PLAN_HEADER_BYTES = 16;
export const PLAN_TENSOR_COUNT = 0;
export const PLAN_STEP_COUNT = 4;
export const PLAN_STEPS_AT = 8; // byte offset of the first step from the section's start
export const PLAN_RESERVED = 12; // zero
export const MAX_TENSORS = 4096; // bounds the engine's quadratic check of lifetimes
export const MAX_STEPS = 4096;
export const MAX_EXTENT = 65536; // of one dimension, kernel, stride or dilation

export const TENSOR_BYTES = 64;
export const TENSOR_DTYPE = 0;
export const TENSOR_HEIGHT = 4;
export const TENSOR_WIDTH = 8;
export const TENSOR_CHANNELS = 12;
export const TENSOR_OFFSET = 16; // byte in the arena of pixel (0, 0), channel 0
export const TENSOR_ROW_PITCH = 20; // bytes from a pixel to the one below
export const TENSOR_PIXEL_PITCH = 24; // bytes from a pixel to its right neighbour
export const TENSOR_HALO_TOP = 28; // pixels; rows may share left and right halos
export const TENSOR_HALO_LEFT = 32;
export const TENSOR_HALO_BOTTOM = 36;
export const TENSOR_HALO_RIGHT = 40;
export const TENSOR_ZERO_POINT = 44; // the code of real 0, and what the halo holds
export const TENSOR_HALO_FILL_AT = 48; // channels codes in the weights section, or -1: the zero point
export const TENSOR_WINDOW = 52; // rows that the buffer of a tensor inside a group holds at a time; 0: all
export const TENSOR_DEFINED = 56; // zero in the file; the engine notes the defining step here
export const TENSOR_LAST_USE = 60; // zero in the file; the engine notes the last reading step here

export const STEP_OPCODE = 0;
export const STEP_BYTES = 4;
export const STEP_CONTRACT = 8;
export const STEP_SCRATCH_AT = 12; // byte in the arena
export const STEP_SCRATCH_BYTES = 16;
export const STEP_ENGINE = 20; // zero in the file; the engine notes its choice of kernel here
export const STEP_HEADER_BYTES = 24;

export const OP_INPUT = 1;
export const OP_OUTPUT = 2;
export const OP_CONV = 3;
export const OP_DEPTHWISE = 4;
export const OP_DENSE = 5;
export const OP_ADD = 6;
export const OP_AVERAGE_POOL = 7;
export const OP_MAX_POOL = 8;
export const OP_SOFTMAX = 9;
export const OP_PAD = 10;
export const OP_RESHAPE = 11;
export const OP_REQUANTIZE = 12;
export const OP_CONSTANT = 13;
export const OP_MUL = 14;
export const OP_MINIMUM = 15;
export const OP_MAXIMUM = 16;
export const OP_PRELU = 17;
export const OP_LOOKUP = 18;
export const OP_CONCAT = 19;
export const OP_VIEW = 20;
export const OP_RESIZE = 21;
export const OP_SPACE_TO_DEPTH = 22;
export const OP_DEPTH_TO_SPACE = 23;
export const OP_ARG_MAX = 24;
export const OP_L2_NORMALIZE = 25;
export const OP_PUSH = 26;
export const OP_LSTM = 27;
export const OP_MAT_MUL = 28;
export const OP_BANDS = 29;
export const LAST_OPCODE = 29;

export const CONTRACT_A8 = 1; // 8-bit activations, no weights
export const CONTRACT_A8W8 = 2; // bits of the weights are 10 - contract
export const CONTRACT_A8W7 = 3; // bytes too, from -64 to 63
export const CONTRACT_A8W6 = 4; // planes of 4 + 2 bits
export const CONTRACT_A8W5 = 5; // 4 + 1
export const CONTRACT_A8W4 = 6;
export const CONTRACT_A8W3 = 7; // 2 + 1
export const CONTRACT_A8W2 = 8; // also ternary
export const CONTRACT_A8W1 = 9; // -1 and +1

// Words of each step behind its header. IN and OUT come first in every step that has them.
export const STEP_IN = 24; // -1 in a step that reads nothing
export const STEP_OUT = 28;
export const STEP_MORE_INPUTS = 32; // the second input and those behind it

export const BORDER_TENSOR = 24; // input and output steps
export const BORDER_IO = 28; // index of the io record
export const BORDER_STEP_BYTES = 32;

// conv, depthwise and dense share one record; dense has a 1x1 kernel
export const CONV_WEIGHTS_AT = 32; // byte offsets in the weights section
export const CONV_BIAS_AT = 36;
export const CONV_MULTIPLIER_AT = 40;
export const CONV_SHIFT = 44; // c of equation (4)
export const CONV_MIN = 48;
export const CONV_MAX = 52;
export const CONV_KERNEL_H = 56;
export const CONV_KERNEL_W = 60;
export const CONV_STRIDE_H = 64;
export const CONV_STRIDE_W = 68;
export const CONV_DILATION_H = 72;
export const CONV_DILATION_W = 76;
export const CONV_PAD_TOP = 80;
export const CONV_PAD_LEFT = 84;
export const CONV_WEIGHT_ZERO = 88; // of legacy models: subtracted from every packed code, padding included
export const CONV_GROUPS = 92; // conv only, else 1: output channels in as many runs, each of its own input channels
export const CONV_STEP_BYTES = 96;

// add, mul, minimum, maximum and prelu share one record; operands of extent 1 are repeated along that axis
export const BINARY_IN_B = 32; // STEP_IN is the first operand
export const BINARY_MULTIPLIER_A = 36;
export const BINARY_MULTIPLIER_B = 40; // negative where the second operand is subtracted
export const BINARY_SHIFT = 44;
export const BINARY_MIN = 48;
export const BINARY_MAX = 52;
export const BINARY_STEP_BYTES = 56;

export const POOL_KERNEL_H = 32;
export const POOL_KERNEL_W = 36;
export const POOL_STRIDE_H = 40;
export const POOL_STRIDE_W = 44;
export const POOL_PAD_TOP = 48;
export const POOL_PAD_LEFT = 52;
export const POOL_MIN = 56;
export const POOL_MAX = 60;
export const MAX_POOL_STEP_BYTES = 64;
export const AVERAGE_MULTIPLIERS_AT = 64; // pairs (count, multiplier), i32 each, in the weights section
export const AVERAGE_MULTIPLIER_COUNT = 68;
export const AVERAGE_SHIFT = 72;
export const AVERAGE_ROUNDING = 76;
export const AVERAGE_IN_ZERO = 80; // zero points of equation (7); both 0 where input and output share a scale
export const AVERAGE_OUT_ZERO = 84;
export const AVERAGE_POOL_STEP_BYTES = 88;
export const ROUND_HALF_UP = 0;
export const ROUND_HALF_AWAY = 1;

export const SOFTMAX_TABLE_AT = 32; // 256 u32, Q23: e^(-d * beta * scale)
export const SOFTMAX_STEP_BYTES = 36;

export const PAD_TOP = 32; // where input pixel (0, 0), channel 0 lands in the output
export const PAD_LEFT = 36;
export const PAD_CHANNEL = 40;
export const PAD_STRIDE_H = 44; // from one input pixel to the next, in the output
export const PAD_STRIDE_W = 48;
export const PAD_FILL = 52; // the code around and between the input's pixels
export const PAD_STEP_BYTES = 56;

export const RESHAPE_STEP_BYTES = 32;

export const REQUANTIZE_MULTIPLIER = 32;
export const REQUANTIZE_SHIFT = 36;
export const REQUANTIZE_MIN = 40;
export const REQUANTIZE_MAX = 44;
export const REQUANTIZE_STEP_BYTES = 48;

export const CONSTANT_AT = 32; // dense canonical codes in the weights section
export const CONSTANT_STEP_BYTES = 36;

export const LOOKUP_TABLE_AT = 32; // 256 codes: of code -128 first
export const LOOKUP_TABLE_BYTES = 256;
export const LOOKUP_STEP_BYTES = 36;

// concat: behind the last input, at STEP_OUT + 4 * inputs, come these words and one multiplier an input
export const CONCAT_AXIS = 0; // AXIS_*
export const CONCAT_SHIFT = 4;
export const CONCAT_MULTIPLIERS = 8;
export const CONCAT_STEP_BYTES = 36; // without inputs
export const CONCAT_INPUT_BYTES = 8;
export const AXIS_HEIGHT = 0;
export const AXIS_WIDTH = 1;
export const AXIS_CHANNELS = 2;

// view (slice, strided slice, reverse, transpose): three words each, for the output's height, width, channels
export const VIEW_AXIS = 32; // the input axis that this output axis walks: a permutation of AXIS_*
export const VIEW_BEGIN = 44; // where on that axis it starts
export const VIEW_STRIDE = 56; // how far it goes, not 0
export const VIEW_STEP_BYTES = 68;

export const RESIZE_ROWS_AT = 32; // one i32 an output row: (input row << 10) + weight of the row below, in 1/1024
export const RESIZE_COLUMNS_AT = 36;
export const RESIZE_STEP_BYTES = 40;
export const RESIZE_BITS = 10;

export const REARRANGE_BLOCK = 32; // side of the square of pixels that is one deep pixel
export const REARRANGE_STEP_BYTES = 36;

export const ARG_MAX_STEP_BYTES = 32;
export const MAX_ARG_MAX_CHANNELS = 256; // an index is a code plus 128; above that, four channels: an i32's bytes
export const L2_NORMALIZE_STEP_BYTES = 32;

export const PUSH_AXIS = 32; // AXIS_HEIGHT or AXIS_WIDTH: STEP_OUT is a state that moves up along it by the input's extent
export const PUSH_STEP_BYTES = 36;

// lstm: STEP_IN are the time steps, one a pixel; hidden and cell state are states that it reads and writes
export const LSTM_HIDDEN = 32; // n codes
export const LSTM_CELL = 36; // n i16, two bytes each, in units of 2^-LSTM_CELL_BITS
export const LSTM_INPUT_WEIGHTS_AT = 40; // rows of i8, input, forget, cell and output gate of one unit after the other
export const LSTM_HIDDEN_WEIGHTS_AT = 44; // rows are padded with zeros to a multiple of ROW_ALIGNMENT
export const LSTM_BIAS_AT = 48; // i32 a row, of the input's accumulator
export const LSTM_MULTIPLIERS_AT = 52; // by gate: b of the input's accumulator, b of the hidden state's
export const LSTM_SHIFT = 56; // c of equation (12)
export const LSTM_CELL_BITS = 60;
export const LSTM_CELL_CLIP = 64; // largest magnitude of the cell state
export const LSTM_MULTIPLIER = 68; // of the output, equation (4)
export const LSTM_OUT_SHIFT = 72;
export const LSTM_TABLE_AT = 76; // 513 i16: sigmoid from -8 to 8 in steps of 1/32, Q15
export const LSTM_STEP_BYTES = 80;
export const LSTM_TABLE_BYTES = 1026;
export const LSTM_GATES = 4;
export const MAX_LSTM_MULTIPLIER = 1073741823; // so that two products of an accumulator and b fit 64 bits

export const MAT_MUL_TRANSPOSED_A = 36; // 1 where rows and columns of the first operand trade places
export const MAT_MUL_TRANSPOSED_B = 40;
export const MAT_MUL_MULTIPLIER = 44;
export const MAT_MUL_SHIFT = 48;
export const MAT_MUL_MIN = 52;
export const MAT_MUL_MAX = 56;
export const MAT_MUL_STEP_BYTES = 60;

// bands: the steps behind this record, its members, run band by band; for each two words behind BANDS_STEP_BYTES
export const BANDS_MEMBERS = 24;
export const BANDS_COUNT = 28;
export const BANDS_STEP_BYTES = 32; // without members
export const BANDS_MEMBER_BYTES = 8;
export const BANDS_ROWS = 0; // of a member: rows * (b + 1) + lead output rows are done after band b
export const BANDS_LEAD = 4;
export const MAX_BAND_MEMBERS = 16;
export const MAX_BANDS = 65536; // sum over all groups of bands times members

// --- packing and numerics -----------------------------------------------------------------------------
export const CHANNEL_BLOCK = 8; // output channels of one packed block: [N/8][K/4][8][4]
export const QUAD = 4; // consecutive k of one packed row
export const ROW_ALIGNMENT = 8; // taps of a row that lstm and mat mul take at a time
export const PLANE_BYTES = 16; // sub-byte codes: as many vectors of 16 canonical codes as fit share 16 bytes
export const WEIGHTS_ALIGNMENT = 16; // of every array in the weights section
export const MAX_SHIFT = 62;
export const MAX_SMALL_MULTIPLIER = 2097152; // 2^21: add and requantize stay in 32 bits
export const MAX_SMALL_SHIFT = 30;
export const MAX_WIDE_MULTIPLIER = 1073741824; // 2^30: add, requantize and concat with a tensor of 16 bits
export const MIN_WIDE_SHIFT = 16;
export const MAX_WIDE_SHIFT = 46;
export const SOFTMAX_TABLE_BYTES = 1024;
export const MEMORY_SLACK = 64; // bytes behind the arena that vector loads may touch
export const MAX_THREADS = 64;

// --- self-test classes of the relaxed dot (DESIGN section 3) ------------------------------------------
export const DOT_NONE = 0;
export const DOT_UNSIGNED = 1; // U: operand 2 unsigned, exact
export const DOT_PAIR_SATURATING = 2; // P: operand 2 unsigned, i16 pair sums saturate
export const DOT_SIGNED = 3; // S: signed x signed, exact

// --- status codes; error_detail(0..2) says where ----------------------------------------------------
export const OK = 0;
export const BUSY = 1;
export const NOT_LOADED = 2;
export const BAD_MAGIC = 3;
export const BAD_VERSION = 4;
export const BAD_LENGTH = 5;
export const UNSUPPORTED_FEATURE = 6;
export const BAD_SECTION = 7;
export const UNKNOWN_SECTION = 8;
export const BAD_IO = 9;
export const BAD_PLAN = 10;
export const BAD_TENSOR = 11;
export const BAD_STEP = 12;
export const BAD_LIFETIME = 13; // a tensor is read before it is written, or overlaps a live one
export const OUT_OF_MEMORY = 14;
export const BAD_RANGE = 15;
export const BAD_DIGEST = 16;
export const TOO_MUCH_WORK = 17;
export const LOST_THREAD = 18; // a share of a step was never finished; threads build only

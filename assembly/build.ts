// What this build is made of; compile-time constants, so that branches not taken are not compiled.

/** Whether kernels on the relaxed dot product are part of this build: real, or emulated in strict SIMD for tests. */
// @ts-ignore: EMULATED_RELAXED_DOT is defined by --use in the test targets only
export const HAS_RELAXED_DOT: bool = ASC_FEATURE_RELAXED_SIMD || isDefined(EMULATED_RELAXED_DOT);

/** Whether instances on threads of their own share the memory, and so the work (threads.ts). */
export const HAS_THREADS: bool = ASC_FEATURE_THREADS;

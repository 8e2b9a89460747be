// The functions of wasi_snapshot_preview1 that the command needs, declared by hand, and the codes that it tells apart.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "args_sizes_get")
export declare function args_sizes_get(count: usize, bytes: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "args_get")
export declare function args_get(pointers: usize, text: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_get")
export declare function fd_prestat_get(fd: i32, prestat: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_dir_name")
export declare function fd_prestat_dir_name(fd: i32, name: usize, bytes: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_open")
export declare function path_open(
  directory: i32,
  lookupFlags: i32,
  path: usize,
  bytes: usize,
  openFlags: i32,
  rights: i64,
  inheritedRights: i64,
  fdFlags: i32,
  fd: usize,
): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_filestat_get")
export declare function fd_filestat_get(fd: i32, stat: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
export declare function fd_read(fd: i32, vectors: usize, count: i32, done: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
export declare function fd_write(fd: i32, vectors: usize, count: i32, done: usize): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sched_yield")
export declare function sched_yield(): i32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
export declare function proc_exit(code: i32): void;

export const STDIN: i32 = 0;
export const STDOUT: i32 = 1;
export const STDERR: i32 = 2;
export const FIRST_PREOPEN: i32 = 3;

export const RIGHT_FD_READ: i64 = 1 << 1;
export const RIGHT_FD_FILESTAT_GET: i64 = 1 << 21;
export const LOOKUP_SYMLINK_FOLLOW: i32 = 1;

export const FILESTAT_BYTES: i32 = 64;
export const FILESTAT_TYPE: usize = 16;
export const FILESTAT_SIZE: usize = 32;
export const FILETYPE_DIRECTORY: i32 = 3;
export const FILETYPE_REGULAR: i32 = 4;

export const ERRNO_ACCES: i32 = 2;
export const ERRNO_AGAIN: i32 = 6;
export const ERRNO_INTR: i32 = 27;
export const ERRNO_IO: i32 = 29;
export const ERRNO_ISDIR: i32 = 31;
export const ERRNO_NOENT: i32 = 44;
export const ERRNO_NOTDIR: i32 = 54;
export const ERRNO_PERM: i32 = 63;
export const ERRNO_PIPE: i32 = 64;
export const ERRNO_NOTCAPABLE: i32 = 76;

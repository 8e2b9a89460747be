// Words for the error numbers that a user of the command meets.
import {
  ERRNO_ACCES,
  ERRNO_IO,
  ERRNO_ISDIR,
  ERRNO_NOENT,
  ERRNO_NOTCAPABLE,
  ERRNO_NOTDIR,
  ERRNO_PERM,
  ERRNO_PIPE,
} from "./imports";

export function errnoText(errno: i32): string {
  switch (errno) {
    case ERRNO_ACCES:
      return "permission denied";
    case ERRNO_IO:
      return "input/output error";
    case ERRNO_ISDIR:
      return "it is a directory";
    case ERRNO_NOENT:
      return "no such file";
    case ERRNO_NOTDIR:
      return "a part of its path is not a directory";
    case ERRNO_PERM:
      return "operation not permitted";
    case ERRNO_PIPE:
      return "the reader is gone";
    case ERRNO_NOTCAPABLE:
      return "the host does not grant access to it";
    default:
      return "the host refused";
  }
}

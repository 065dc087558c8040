#include "sim/disk/disk_trace.h"

#include <cerrno>

namespace resprobe {

std::string ErrorName(int64_t result) {
  switch (-result) {
    case ENOENT:
      return "ENOENT";
    case EINTR:
      return "EINTR";
    case EIO:
      return "EIO";
    case EBADF:
      return "EBADF";
    case EBUSY:
      return "EBUSY";
    case EEXIST:
      return "EEXIST";
    case ENOTDIR:
      return "ENOTDIR";
    case EISDIR:
      return "EISDIR";
    case EINVAL:
      return "EINVAL";
    case EFBIG:
      return "EFBIG";
    case ENOSPC:
      return "ENOSPC";
    case EROFS:
      return "EROFS";
    case ENOTEMPTY:
      return "ENOTEMPTY";
    default:
      return std::to_string(result);
  }
}

std::string PrintCall(const DiskCall& call) {
  std::string text;
  if (IsIo(call.op)) text += std::to_string(call.number) + ' ';
  text += kDiskOpNames[static_cast<size_t>(call.op)];
  text += ' ';
  text += call.path.empty() ? "." : call.path;
  switch (call.op) {
    case DiskOp::kRead:
    case DiskOp::kWrite:
      text += ' ' + std::to_string(call.bytes) + " bytes at " + std::to_string(call.offset);
      break;
    case DiskOp::kTruncate:
    case DiskOp::kSeek:
      text += " to " + std::to_string(call.offset);
      break;
    case DiskOp::kRename:
      text += " to ";
      text += call.to;
      break;
    default:
      break;
  }
  return text;
}

void DiskTrace::OnResult(const Disk&, const DiskCall& call) {
  if (io_only_ && !IsIo(call.op)) return;
  text_ += PrintCall(call) + " = ";
  text_ += call.result < 0 ? ErrorName(call.result) : std::to_string(call.result);
  text_ += '\n';
}

}  // namespace resprobe

#ifndef RESPROBE_CORE_PERSISTENCE_FILE_IO_H_
#define RESPROBE_CORE_PERSISTENCE_FILE_IO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/persistence/file_system.h"

namespace resprobe {

// What every reader and writer of files does: repeats what was interrupted, and goes on where a
// call has done a part.

// Appends at most `most` bytes from where the file is. Returns how many, fewer only at its end, or
// an error (what came before it has been appended). Memory grows with the bytes that came, not with
// `most`.
int64_t ReadMore(FileSystem* files, int file, uint64_t most, std::string* out);

// Replaces `out` by the contents of a file. 0 or an error.
int ReadOpenFile(FileSystem* files, int file, std::string* out);
int ReadFile(FileSystem* files, std::string_view path, std::string* out);

// Returns how many bytes have been written: fewer than given if an error came after them, which is
// lost then, as in redis 7.0 aof.c aofWrite(). An error if it came first.
int64_t WriteAll(FileSystem* files, int file, std::string_view bytes);

// The text of an error that a FileSystem returned: "No space left on device" for -ENOSPC.
std::string_view FileErrorText(int64_t error);

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_FILE_IO_H_

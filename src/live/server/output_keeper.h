#ifndef RESPROBE_LIVE_SERVER_OUTPUT_KEEPER_H_
#define RESPROBE_LIVE_SERVER_OUTPUT_KEEPER_H_

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// What a process writes, in a file. A thread reads it, so that the process never waits long. Of an
// output without end the file has the first and the last bytes, at the offsets where they were
// written, and a hole between them: it takes no more than kHead + 2 * kTail bytes of the disk.
class OutputKeeper {
 public:
  static constexpr uintmax_t kHead = 256 << 10;
  static constexpr uintmax_t kTail = 1 << 20;

  // Creates the file. `writer` is where the process writes. nullptr with one line in `error` if
  // that fails.
  static std::unique_ptr<OutputKeeper> Make(const std::string& path, UniqueFd* writer,
                                            std::string* error);
  ~OutputKeeper();
  OutputKeeper(const OutputKeeper&) = delete;
  OutputKeeper& operator=(const OutputKeeper&) = delete;

  // Returns when the file has what the process has written before the call.
  void CatchUp();
  // The thread calls this several times a second, with no other call of this class under way; may
  // be empty.
  void Watch(std::function<void()> look);

 private:
  OutputKeeper() = default;
  // A forked child has no thread, and perhaps a locked mutex.
  bool of_parent() const { return getpid() != owner_; }
  void Run();
  // Moves up to `most` bytes. False at the end of the output.
  bool Move(size_t most);
  void Keep(const char* bytes, size_t size);

  const pid_t owner_ = getpid();
  std::mutex mutex_;
  UniqueFd file_;
  UniqueFd output_;
  UniqueFd stop_;
  uintmax_t size_ = 0;
  uintmax_t hole_end_ = kHead;
  bool without_holes_ = false;  // the file system has none: only the first bytes are kept
  std::function<void()> look_;
  std::thread thread_;
};

// The text of such a file from `start` on, and where it ends: of a long one the first and the last
// bytes, with a line between them that says how many are left out. "" if there is no such file.
std::string ReadOutput(const std::string& path, uintmax_t start, uintmax_t* end);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_OUTPUT_KEEPER_H_

#ifndef RESPROBE_SANDBOX_SCRATCH_FOLDER_H_
#define RESPROBE_SANDBOX_SCRATCH_FOLDER_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace resprobe::sandbox {

// A folder for the files of servers. The process that has made it deletes it, with all that is in
// it; a forked child leaves it to its parent.
class ScratchFolder {
 public:
  ScratchFolder() = default;
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // Makes the folder in TMPDIR (/tmp if that is not set). False, with one line in `error`, if that
  // fails.
  bool Make(std::string* error);
  // False before Make(), and in a forked child.
  bool made() const;
  const std::string& path() const { return path_; }

  // A new folder in it. Its name has the same length as those before: a server may report the
  // length of a path.
  std::string MakeNext();
  // Deletes a folder that MakeNext() has made, if it is there, and clears `path`.
  void Delete(std::string* path) const;

 private:
  std::string path_;
  pid_t owner_ = 0;
  uint32_t folders_ = 0;
};

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_SCRATCH_FOLDER_H_

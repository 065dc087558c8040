#ifndef RESPROBE_TESTS_CORE_PERSISTENCE_FAULTY_FILES_H_
#define RESPROBE_TESTS_CORE_PERSISTENCE_FAULTY_FILES_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/persistence/memory_files.h"

namespace resprobe {

// Memory files that note the calls that change something ("write 3 5": descriptor 3, 5 bytes), and
// fail when told to.
class FaultyFiles : public MemoryFiles {
 public:
  // The calls since the last call of this.
  std::vector<std::string> Calls() { return std::exchange(calls_, {}); }

  // Errors that the next calls return, one each; 0 is none.
  std::vector<int64_t> write_errors;
  std::vector<int> sync_errors;
  std::vector<int> truncate_errors;
  std::vector<int> rename_errors;
  std::vector<int> directory_errors;
  std::vector<int> open_errors;
  std::vector<int> read_errors;
  // Of all writes together; -1: any number of bytes.
  int64_t room = -1;
  size_t most_at_once = SIZE_MAX;

  int Open(std::string_view path, Mode mode) override {
    if (const int error = Next(&open_errors); error != 0) return error;
    if (mode != Mode::kRead) calls_.push_back("open " + std::string(path));
    return MemoryFiles::Open(path, mode);
  }
  int64_t Read(int file, std::span<char> into) override {
    if (const int error = Next(&read_errors); error != 0) return error;
    return MemoryFiles::Read(file, into.first(std::min(into.size(), most_at_once)));
  }
  int64_t Write(int file, std::string_view bytes) override {
    if (const int64_t error = Next(&write_errors); error != 0) return error;
    if (room == 0) return -28;  // ENOSPC
    bytes = bytes.substr(0, most_at_once);
    if (room > 0) bytes = bytes.substr(0, static_cast<size_t>(room));
    if (room > 0) room -= static_cast<int64_t>(bytes.size());
    calls_.push_back("write " + std::to_string(file) + " " + std::to_string(bytes.size()));
    return MemoryFiles::Write(file, bytes);
  }
  int Sync(int file) override {
    calls_.push_back("sync " + std::to_string(file));
    const int error = Next(&sync_errors);
    return error != 0 ? error : MemoryFiles::Sync(file);
  }
  int Truncate(int file, int64_t size) override {
    calls_.push_back("truncate " + std::to_string(file) + " " + std::to_string(size));
    const int error = Next(&truncate_errors);
    return error != 0 ? error : MemoryFiles::Truncate(file, size);
  }
  int Close(int file) override {
    calls_.push_back("close " + std::to_string(file));
    return MemoryFiles::Close(file);
  }
  int Rename(std::string_view from, std::string_view to) override {
    calls_.push_back("rename " + std::string(from) + " " + std::string(to));
    const int error = Next(&rename_errors);
    return error != 0 ? error : MemoryFiles::Rename(from, to);
  }
  int SyncDirectory(std::string_view path) override {
    calls_.push_back("sync directory " + std::string(path));
    const int error = Next(&directory_errors);
    return error != 0 ? error : MemoryFiles::SyncDirectory(path);
  }

 private:
  template <class T>
  static T Next(std::vector<T>* errors) {
    if (errors->empty()) return 0;
    const T error = errors->front();
    errors->erase(errors->begin());
    return error;
  }

  std::vector<std::string> calls_;
};

}  // namespace resprobe

#endif  // RESPROBE_TESTS_CORE_PERSISTENCE_FAULTY_FILES_H_

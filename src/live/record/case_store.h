#ifndef RESPROBE_LIVE_RECORD_CASE_STORE_H_
#define RESPROBE_LIVE_RECORD_CASE_STORE_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace resprobe::live {

// A folder of cases, DIR/HARNESS/PREFIX-HASH, in the layout of the seed corpora. The name is
// derived from the content, so that a case is stored once, however often it is recorded.
class CaseStore {
 public:
  explicit CaseStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Creates the folder if it does not exist. On failure `error` is one line, as in Add().
  bool Open(std::string* error);
  // Writes the case, unless it exists. Cases never exist partially.
  bool Add(std::string_view harness, std::string_view prefix, std::string_view suffix,
           std::string_view content, std::string* error);

  uint64_t added() const { return added_; }
  uint64_t duplicates() const { return duplicates_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
  uint64_t added_ = 0;
  uint64_t duplicates_ = 0;
};

// FNV-1a, 64 bits, as 16 hexadecimal digits.
std::string ContentHash(std::string_view content);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RECORD_CASE_STORE_H_

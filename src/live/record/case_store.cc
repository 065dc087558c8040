#include "live/record/case_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "live/net/unique_fd.h"

namespace resprobe::live {
namespace {

bool WriteFile(const std::filesystem::path& path, std::string_view content) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return false;
  while (!content.empty()) {
    const ssize_t written = write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

std::string ContentHash(std::string_view content) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; hash >>= 4) text[i] = "0123456789abcdef"[hash & 15];
  return text;
}

bool CaseStore::Open(std::string* error) {
  std::error_code code;
  std::filesystem::create_directories(directory_, code);
  if (code || access(directory_.c_str(), W_OK) != 0) {
    *error = "cannot write into the folder " + directory_.string() + ": " +
             (code ? code.message() : std::strerror(errno));
    return false;
  }
  return true;
}

bool CaseStore::Add(std::string_view harness, std::string_view prefix, std::string_view suffix,
                    std::string_view content, std::string* error) {
  const std::filesystem::path folder = directory_ / harness;
  const std::string name = std::string(prefix) + "-" + ContentHash(content) + std::string(suffix);
  const std::filesystem::path path = folder / name;
  if (access(path.c_str(), F_OK) == 0) {
    ++duplicates_;
    return true;
  }
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  // Rename the file when it is complete: if the program is killed, no partial file has a case's
  // name.
  const std::filesystem::path part = folder / ("." + name + ".part");
  if (code || !WriteFile(part, content) || rename(part.c_str(), path.c_str()) != 0) {
    *error =
        "cannot write " + path.string() + ": " + (code ? code.message() : std::strerror(errno));
    unlink(part.c_str());
    return false;
  }
  ++added_;
  return true;
}

}  // namespace resprobe::live
